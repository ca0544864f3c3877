"""A table as claims see it: figures by row and column, seed by seed where measured, one number where printed.

The same function makes a claim's numbers of both, so that what is asked of the measured table is asked of the
printed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.report.multimodal.printed import PrintedTable
from tasvir.score.statistics import Values


@dataclass(frozen=True, slots=True)
class View:
    """One table.

    Args:
        weightings: Rows, the classical one first.
        figures: (weighting, figure) -> one value a seed, [G]; [1] of what is printed.
        weights: (weighting, modality) -> share at the end of the training, [G]; empty of what is printed.
    """

    weightings: tuple[str, ...]
    figures: Mapping[tuple[str, str], Values]
    weights: Mapping[tuple[str, int], Values] = field(default_factory=dict)

    def __call__(self, weighting: str, figure: str) -> Values:
        return self.figures[weighting, figure]

    @property
    def classical(self) -> str:
        return self.weightings[0]

    @property
    def others(self) -> tuple[str, ...]:
        """All rows but the classical one."""
        return self.weightings[1:]

    def base(self, figure: str) -> Values:
        """A figure of the classical row."""
        return self.figures[self.classical, figure]

    def gain(self, weighting: str, figure: str) -> Values:
        """By how much a row is better (lower) than the classical one."""
        return self.base(figure) - self(weighting, figure)


def measured(results: TableResults, suffix: str = "") -> View:
    """A table of ours; with a suffix such as ":exact" the figures of that name, under their plain names."""
    figures = {
        (weighting, name.removesuffix(suffix)): np.asarray(row, dtype=np.float64)
        for name, rows in results.figures.items()
        if name.endswith(suffix)
        for weighting, row in zip(results.weightings, rows, strict=True)
    }
    last = results.history[-1] if results.history else []
    weights = {
        (weighting, place): np.asarray(row, dtype=np.float64)
        for place, rows in enumerate(last)
        for weighting, row in zip(results.weightings, rows, strict=True)
    }
    return View(tuple(results.weightings), figures, weights)


def as_printed(table: PrintedTable) -> View:
    """A table of the thesis."""
    figures = {
        (weighting, figure): np.array([table.mean(weighting, figure)])
        for weighting in table.rows
        for figure in table.columns
    }
    return View(tuple(table.rows), figures)
