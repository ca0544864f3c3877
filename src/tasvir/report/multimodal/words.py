"""The page's words in a language: texts with places, numbers, names of rows, columns and rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasvir.errors import SettingError
from tasvir.report.languages import read_texts
from tasvir.report.multimodal.folder import data_name
from tasvir.report.multimodal.printed import thesis_columns
from tasvir.report.study.numbers import NONE, NUMBERS
from tasvir.report.study.values import Value

LANGUAGES = ("en", "tr")
DIGITS = 4
"""Behind the decimal sign of figures, as the thesis prints them."""


class Words:
    """Says things in one language.

    Args:
        language: "en" or "tr".

    Raises:
        SettingError: No such language.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise SettingError(f"language {language!r}: this page has {' and '.join(LANGUAGES)}")
        self.language = language
        self.texts: dict[str, dict[str, Any]] = read_texts("multimodal", language)
        self.numbers = NUMBERS[language]

    def __call__(self, key: str, **places: object) -> str:
        """The text "section.key" with its places filled."""
        section, _, name = key.partition(".")
        return str(self.texts[section][name]).format(**places)

    def number(self, value: float | None, digits: int = DIGITS) -> str:
        return NONE if value is None else self.numbers.write(Value("", value, "plain", digits))

    def signed(self, value: float | None, digits: int = DIGITS) -> str:
        return NONE if value is None else self.numbers.write(Value("", value, "difference", digits))

    def p(self, value: float | None) -> str:
        return NONE if value is None else self.numbers.write(Value("", value, "p"))

    def interval(self, ends: tuple[float, float] | None, digits: int = DIGITS) -> str:
        """Signed ends in brackets."""
        if ends is None:
            return NONE
        return self.numbers.interval(Value("", None, "difference", digits, *ends))

    def modality(self, name: str) -> str:
        known: Mapping[str, str] = self.texts["modality"]
        return known.get(name, name)

    def expert(self, name: str) -> str:
        known: Mapping[str, str] = self.texts["expert"]
        return known.get(name, name)

    def data(self, name: str) -> str:
        """What a table's data are called; of a path its last part."""
        known: Mapping[str, str] = self.texts["data"]
        return known.get(name, data_name(name))

    def weighting(self, name: str, modalities: tuple[str, ...]) -> str:
        """A row: "label x 2", "those that generate well"."""
        rule, _, ratios = name.partition(":")
        if rule != "fixed":
            known: Mapping[str, str] = self.texts["weighting"]
            return known.get(name, name)
        parts = [float(one) for one in ratios.split(",")] if ratios else [1.0]
        least = min(parts)
        more = [(place, part) for place, part in enumerate(parts) if part > least]
        if not more:
            return self("weighting.equal")
        if len(more) > 1 or least <= 0 or len(parts) != len(modalities):
            return name
        place, part = more[0]
        return self("weighting.times", modality=self.modality(modalities[place]), times=f"{part / least:g}")

    def figure(self, name: str) -> str:
        """A column: the thesis' as they are, others explained where there is a word for them."""
        known: Mapping[str, str] = self.texts["figure"]
        return known.get(name, name)

    def table(self, experiment: str, expert: str, data: str) -> str:
        """A table's title."""
        known = experiment if thesis_columns(experiment) else "other"
        return self(f"table.{known}", expert=self.expert(expert), data=self.data(data), experiment=experiment)
