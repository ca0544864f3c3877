"""What a judge is asked by a rubric other than its own: questions with levels, from `rubrics.toml`."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tasvir.records import SuitePrompt
from tasvir.score.phrases import Chunker, phrases_of


@dataclass(frozen=True, slots=True)
class RubricQuestion:
    """One question to a judge whose answer is a level from 1 to `levels`."""

    text: str
    levels: int


def rubric_questions(prompt: SuitePrompt, chunker: Chunker) -> tuple[RubricQuestion, ...]:
    """T2I-CompBench's questions on a prompt: one a noun phrase for attributes, else one on the whole.

    The category decides; a category that is not the benchmark's is asked as a whole.
    """
    told = _rubrics()
    attribute, whole = told["attribute"], told["whole"]
    if prompt.category in attribute["categories"]:
        phrases = phrases_of(prompt, chunker).found
        return tuple(_question(attribute, phrase) for phrase in phrases)
    focus = whole["focus"].get(prompt.category, whole["focus"]["other"])
    return (_question(whole, prompt.text, focus),)


def rubric_hash() -> str:
    """16 hexadecimal digits that change with the file of rubrics."""
    return hashlib.sha256(_text().encode()).hexdigest()[:16]


def _question(rubric: dict[str, Any], about: str, focus: str = "") -> RubricQuestion:
    text = str(rubric["question"]).strip().replace("[focus]", focus).replace("{}", about, 1)
    return RubricQuestion(text, int(rubric["levels"]))


def _text() -> str:
    return files("tasvir.score").joinpath("rubrics.toml").read_text("utf-8")


@cache
def _rubrics() -> dict[str, Any]:
    return tomllib.loads(_text())
