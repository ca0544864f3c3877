"""Every figure of every row against the classical row: paired tests, and the thesis' own for comparison.

The models of one seed begin alike and see the same examples and noise, so rows are paired and the paired
t-test is the right one, held to 5 % over a table by Holm. The thesis' two-sample t-test takes the rows for
independent; it is reported because the thesis does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.score.statistics import (
    Tested,
    Values,
    effect_size,
    holm,
    paired_t,
    sign_flip,
    two_sample_t,
)

LEVEL = 0.05
"""Below this a p value is called significant."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of one row.

    Args:
        mean: Over seeds with a finite value; None without any.
        deviation: Standard deviation (n - 1); None of one seed.
        n: Seeds with a finite value.
        paired: Difference from the classical row over seeds that both have; None of that row itself.
        two_sample: As if the rows were independent samples.
        sign_flip: p of the sign-flip test on the pairs.
        holm: p of the paired t-test, adjusted for the table.
        effect: d_z, mean over deviation of the paired differences.
        better: Whether the mean is on the better side of the classical row's.
    """

    mean: float | None
    deviation: float | None
    n: int
    paired: Tested | None = None
    two_sample: Tested | None = None
    sign_flip: float | None = None
    holm: float | None = None
    effect: float | None = None
    better: bool = False

    @property
    def significant(self) -> bool:
        return self.holm is not None and self.holm < LEVEL


Cells = Mapping[tuple[str, str], Compared]
"""By weighting and figure."""


def compare_table(results: TableResults, figures: Sequence[str]) -> Cells:
    """Some figures of a table, their p values adjusted together (Holm 1979).

    Args:
        results: Of the table; its first weighting is the classical one.
        figures: Which.
    """
    classical = results.weightings[0]
    cells: dict[tuple[str, str], Compared] = {}
    for figure in figures:
        rows = [np.asarray(row, dtype=np.float64) for row in results.figures[figure]]
        for weighting, row in zip(results.weightings, rows, strict=True):
            cell = _summary(row)
            if weighting != classical:
                cell = _against(cell, row, rows[0], figure in results.higher)
            cells[weighting, figure] = cell
    adjusted = holm([None if one.paired is None else one.paired.p for one in cells.values()])
    return {key: replace(one, holm=p) for (key, one), p in zip(cells.items(), adjusted, strict=True)}


def _summary(row: Values) -> Compared:
    known = row[np.isfinite(row)]
    mean = float(known.mean()) if len(known) else None
    return Compared(mean, float(known.std(ddof=1)) if len(known) > 1 else None, len(known))


def _against(cell: Compared, row: Values, classical: Values, higher: bool) -> Compared:
    both = np.isfinite(row) & np.isfinite(classical)
    if not both.any():
        return cell
    differences = row[both] - classical[both]
    paired = paired_t(differences)
    own, other = row[np.isfinite(row)], classical[np.isfinite(classical)]
    return replace(
        cell,
        paired=paired,
        two_sample=two_sample_t(_sample(own), _sample(other)),
        sign_flip=sign_flip(differences[:, None])[0] if len(differences) > 1 else None,
        effect=effect_size(differences),
        better=paired.difference > 0 if higher else paired.difference < 0,
    )


def _sample(values: Values) -> tuple[float, float, int]:
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0, len(values)
