"""DrawBench: 200 prompts in 11 categories (Saharia et al. 2022, arXiv 2205.11487)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import ClassVar

from tasvir.bench.imported import Given, ImportedSuite, lines_of, stripped
from tasvir.errors import SettingError
from tasvir.records import SuitePrompt


class DrawBenchSuite(ImportedSuite):
    """DrawBench, 200 prompts in 11 categories; imported by `tasvir suites add`."""

    name: ClassVar[str] = "drawbench"

    @classmethod
    def read(cls, files: Mapping[str, Given], notes: list[str]) -> list[SuitePrompt]:
        """Rows of prompt and category, between tabs or as CSV, with or without a line of column names."""
        given = files["DrawBench.txt"]
        rows = [_cells(given.name, *line) for line in lines_of(given, notes)]
        if rows and rows[0][1].strip().casefold() == "category":
            rows = rows[1:]
        texts = stripped(given.name, "prompts", [row[0] for row in rows], notes)
        categories = stripped(given.name, "categories", [row[1] for row in rows], notes)
        return [
            SuitePrompt(f"{index:03d}", text, category)
            for index, (text, category) in enumerate(zip(texts, categories, strict=True))
        ]


def _cells(where: str, number: int, line: str) -> tuple[str, str]:
    cells = line.split("\t") if "\t" in line else next(csv.reader([line]))
    if len(cells) != 2:
        raise SettingError(
            f"{where}, line {number}: expected a prompt and a category, and there are {len(cells)} cells"
        )
    return cells[0], cells[1]
