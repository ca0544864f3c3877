"""T2I-CompBench++: 300 prompts in each of eight categories.

Huang et al. 2023 (NeurIPS, six categories) and 2025 (TPAMI, with 3D relations and numeracy). Where the
prompts of a category follow one pattern they give facts: who stands to whom in which relation, and how many
of what. The three lists that divide the complex prompts decide which metrics make up their 3-in-1 score.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tasvir.bench.imported import Given, ImportedSuite, lines_of, stripped
from tasvir.errors import SettingError, UnknownNameError
from tasvir.records import SuitePrompt

CATEGORIES = {
    "color": "color_val.txt",
    "shape": "shape_val.txt",
    "texture": "texture_val.txt",
    "spatial": "spatial_val.txt",
    "3d-spatial": "3d_spatial_val.txt",
    "numeracy": "numeracy_val.txt",
    "non-spatial": "non_spatial_val.txt",
    "complex": "complex_val.txt",
}
"""File by category."""
COMPLEX = {
    "action": "complex_val_action.txt",
    "spatial": "complex_val_spatial.txt",
    "spatial-action": "complex_val_spatialaction.txt",
}
"""Lists of complex prompts by what the fact "complex" says."""
NOUNS = "new_objects.txt"
"""The nouns of numeracy, a line each: singular - plural."""
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4}
NUMBERS |= {"five": 5, "six": 6, "seven": 7, "eight": 8}
_RELATION = re.compile(
    r"(?:an? |the )?(?P<subject>.+?) (?P<name>on the (?:left|right|top|bottom) of|on side of|next to|near|"
    r"in front of|behind|hidden by) (?:an? |the )?(?P<object>.+)"
)


class T2ICompBenchSuite(ImportedSuite):
    """T2I-CompBench, 300 prompts in each of eight categories, or one of them: t2i-compbench:color.

    Args:
        model: A category; None = all of them.
        folder: See `ImportedSuite`.
    """

    name: ClassVar[str] = "t2i-compbench"

    def __init__(self, model: str | None = None, folder: Path | None = None) -> None:
        super().__init__(folder)
        self._category = None if model is None else model.replace("_", "-")
        if self._category not in (None, *CATEGORIES):
            near = difflib.get_close_matches(str(self._category), CATEGORIES, n=2)
            hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
            raise UnknownNameError(
                f"{self.name} has no category {model!r}; {hint}there are {', '.join(CATEGORIES)}"
            )

    @property
    def label(self) -> str:
        return self.name if self._category is None else f"{self.name}:{self._category}"

    def prompts(self) -> tuple[SuitePrompt, ...]:
        """See `ImportedSuite.prompts`; of the category alone where one was named."""
        everything = super().prompts()
        return tuple(entry for entry in everything if self._category in (None, entry.category))

    @classmethod
    def read(cls, files: Mapping[str, Given], notes: list[str]) -> list[SuitePrompt]:
        """A prompt a line. Facts: "relation" {name, subject, object} as the text says it, without articles;
        "numbers" {singular noun: count}; "complex", which of the three lists the prompt stands in."""
        parts = {
            text: part for part, file in COMPLEX.items() if file in files for text in _texts(files[file], [])
        }
        nouns = _nouns(files[NOUNS]) if NOUNS in files else {}
        if not nouns and CATEGORIES["numeracy"] in files:
            notes.append(f"{NOUNS} is not there: numeracy has no fact 'numbers'")
        found = []
        for category, file in CATEGORIES.items():
            texts = _texts(files[file], notes) if file in files else []
            for index, text in enumerate(texts):
                facts = _facts(category, text, parts, nouns)
                found.append(SuitePrompt(f"{category}-{index:03d}", text, category, facts))
        without = sum(entry.category == "complex" and not entry.facts for entry in found)
        if without:
            notes.append(f"{without} complex prompts stand in none of {', '.join(COMPLEX.values())}")
        return found


def _facts(category: str, text: str, parts: Mapping[str, str], nouns: Mapping[str, str]) -> dict[str, Any]:
    if category in ("spatial", "3d-spatial"):
        match = _RELATION.fullmatch(text.rstrip("."))
        return {"relation": match.groupdict()} if match else {}
    if category == "numeracy" and nouns:
        numbers = numbers_in(text, nouns)
        return {"numbers": numbers} if numbers else {}
    if category == "complex" and text in parts:
        return {"complex": parts[text]}
    return {}


def numbers_in(text: str, nouns: Mapping[str, str]) -> dict[str, int]:
    """How many of what a text asks for: a word for a number from one to eight (or a, an) before a noun.

    Args:
        text: A prompt.
        nouns: Singular by singular and plural.
    """
    words = re.findall(r"[a-z]+", text.lower())
    pairs = itertools.pairwise(words)
    return {nouns[noun]: NUMBERS[word] for word, noun in pairs if word in NUMBERS and noun in nouns}


def _texts(given: Given, notes: list[str]) -> list[str]:
    return stripped(given.name, "prompts", [row for _, row in lines_of(given, notes)], notes)


def _nouns(given: Given) -> dict[str, str]:
    """Singular by singular and plural."""
    nouns: dict[str, str] = {}
    for number, row in lines_of(given, []):
        singular, dash, plural = (part.strip() for part in row.partition(" - "))
        if not dash:
            raise SettingError(f"{given.name}, line {number}: expected 'singular - plural'")
        nouns |= {singular: singular, plural: singular}
    return nouns
