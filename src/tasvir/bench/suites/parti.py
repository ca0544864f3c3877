"""PartiPrompts: 1,632 prompts in 12 categories (Yu et al. 2022, arXiv 2206.10789)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tasvir.bench.imported import Given, ImportedSuite, lines_of, stripped
from tasvir.errors import SettingError
from tasvir.records import SuitePrompt

COLUMNS = ("Prompt", "Category", "Challenge", "Note")


class PartiSuite(ImportedSuite):
    """PartiPrompts, 1,632 prompts in 12 categories and 11 challenges; imported by `tasvir suites add`."""

    name: ClassVar[str] = "parti"

    @classmethod
    def read(cls, files: Mapping[str, Given], notes: list[str]) -> list[SuitePrompt]:
        """Rows between tabs under their column names; challenge and note become facts."""
        given = files["PartiPrompts.tsv"]
        (_, header), *lines = lines_of(given, notes) or [(1, "")]
        if tuple(header.split("\t")) != COLUMNS:
            raise SettingError(
                f"{given.name}, line 1: expected the columns {', '.join(COLUMNS)} between tabs"
            )
        rows = [line.split("\t") for _, line in lines]
        for (number, _), row in zip(lines, rows, strict=True):
            if len(row) != len(COLUMNS):
                raise SettingError(
                    f"{given.name}, line {number}: {len(row)} columns, expected {len(COLUMNS)}"
                )
        texts = stripped(given.name, "prompts", [row[0] for row in rows], notes)
        return [
            SuitePrompt(f"{index:04d}", text, category.strip(), _facts(challenge, note))
            for index, (text, (_, category, challenge, note)) in enumerate(zip(texts, rows, strict=True))
        ]


def _facts(challenge: str, note: str) -> dict[str, str]:
    facts = {"challenge": challenge.strip(), "note": note.strip()}
    return {name: value for name, value in facts.items() if value}
