"""Precision and recall of a set of features by nearest neighbours (Kynkäänniemi et al. 2019). Numpy alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tasvir.errors import SettingError
from tasvir.lab.distances.arrays import Matrix, pair
from tasvir.lab.distances.kernels import ROWS, minus_distance


class PrecisionRecall(NamedTuple):
    """Shares, 0 to 1.

    Args:
        precision: Of the set, how many lie among the reference.
        recall: Of the reference, how many lie among the set.
    """

    precision: float
    recall: float


def precision_recall(x: Any, y: Any, neighbours: int = 3) -> PrecisionRecall:
    """Who lies nearer to an example of the other set than that one's k-th neighbour in its own set.

    Both hang on the sizes of the sets: compare sets of the same size.

    Args:
        x: [n, ...] features of a set.
        y: [m, ...] of the reference.
        neighbours: k.

    Raises:
        SettingError: Sets that do not fit, or no more examples than neighbours.
    """
    if neighbours < 1:
        raise SettingError(f"{neighbours} neighbours: take 1 or more")
    first, second = pair(x, y, neighbours + 1)
    return PrecisionRecall(
        _covered(first, second, _reach(second, neighbours)),
        _covered(second, first, _reach(first, neighbours)),
    )


def _reach(x: Matrix, neighbours: int) -> Matrix:
    """Distance of every example to its k-th neighbour; the nearest is itself."""
    parts = [
        np.partition(-minus_distance(x[start : start + ROWS], x), neighbours, 1)[:, neighbours]
        for start in range(0, len(x), ROWS)
    ]
    return np.concatenate(parts)


def _covered(x: Matrix, y: Matrix, reach: Matrix) -> float:
    """Share of x that lies within the reach of any y."""
    found = [
        (-minus_distance(x[start : start + ROWS], y) <= reach).any(1) for start in range(0, len(x), ROWS)
    ]
    return float(np.concatenate(found).mean())
