"""Tables 3.1-3.6 of the thesis as printed, read from printed.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tasvir.score.statistics import Tested, two_sample_t

Key = tuple[str, str, str]
"""Experiment, expert, data: what tells a table from the others."""


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """One table.

    Args:
        number: "3.1".
        key: Which of our tables stands beside it.
        columns: Figures.
        rows: By weighting, classical first; of each figure its mean and, where printed, its deviation.
        samples: Training sets behind a mean; None where the thesis tells none.
    """

    number: str
    key: Key
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[tuple[float, ...], ...]]
    samples: int | None

    @property
    def classical(self) -> str:
        return next(iter(self.rows))

    def mean(self, weighting: str, figure: str) -> float:
        return self.rows[weighting][self.columns.index(figure)][0]

    def deviation(self, weighting: str, figure: str) -> float | None:
        """None where none is printed."""
        cell = self.rows[weighting][self.columns.index(figure)]
        return cell[1] if len(cell) > 1 else None

    def tested(self, weighting: str, figure: str) -> Tested | None:
        """The two-sample t-test against the classical row from what is printed; None without deviations."""
        spread, other = self.deviation(weighting, figure), self.deviation(self.classical, figure)
        if spread is None or other is None or self.samples is None:
            return None
        own = (self.mean(weighting, figure), spread, self.samples)
        return two_sample_t(own, (self.mean(self.classical, figure), other, self.samples))


def thesis_columns(experiment: str) -> tuple[str, ...]:
    """What the thesis' tables of an experiment tell; nothing of another experiment."""
    return next((one.columns for one in printed_tables().values() if one.key[0] == experiment), ())


def thesis_rows(experiment: str) -> tuple[str, ...]:
    """The weightings of the thesis' tables of an experiment, classical first."""
    return next((tuple(one.rows) for one in printed_tables().values() if one.key[0] == experiment), ())


@cache
def printed_tables() -> Mapping[Key, PrintedTable]:
    """All six in the thesis' order."""
    text = (files("tasvir.report") / "multimodal" / "printed.toml").read_text("utf-8")
    tables = {}
    for one in tomllib.loads(text)["table"]:
        key = (one["experiment"], one["expert"], one["data"])
        rows = {name: tuple(tuple(cell) for cell in row) for name, row in one["rows"].items()}
        tables[key] = PrintedTable(one["number"], key, tuple(one["columns"]), rows, one.get("samples"))
    return tables
