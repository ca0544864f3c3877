"""Unbiased distances by kernels: KID, Gaussian MMD, energy distance. Numpy alone, float64.

E k(x, x') + E k(y, y') - 2 E k(x, y) over pairs of different examples (Gretton et al. 2012, equation 3) is
0 on average for equal laws, and so often below. With k = -|x - y| it is the energy distance (Székely and
Rizzo 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tasvir.errors import SettingError
from tasvir.lab.distances.arrays import Estimate, Matrix, matrix, pair

Kernel = Callable[[Matrix, Matrix], Matrix]
"""[n, d], [m, d] -> [n, m]."""
ROWS = 512
"""Rows of a kernel matrix that are in memory together."""
MEDIAN_OF = 1000
"""Examples of which the median distance is taken, at most."""
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Bandwidths of a mixture of Gaussian kernels, in median distances."""


def kernel(x: Matrix, y: Matrix) -> Matrix:
    """(x.y / d + 1)^3, [n, m]: KID's (Binkowski et al. 2018)."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def minus_distance(x: Matrix, y: Matrix) -> Matrix:
    """-|x - y|, [n, m]: of the energy distance."""
    return -np.sqrt(_squares(x, y))


def gaussian_kernel(bandwidths: Sequence[float]) -> Kernel:
    """Mean over bandwidths h of exp(-|x - y|^2 / (2 h^2)).

    Raises:
        SettingError: No bandwidth, or one that is not positive.
    """
    if not bandwidths or min(bandwidths) <= 0:
        raise SettingError(f"bandwidths {list(bandwidths)}: give one or more, all positive")
    rates = [0.5 / width**2 for width in bandwidths]

    def mixed(x: Matrix, y: Matrix) -> Matrix:
        squares = _squares(x, y)
        return np.asarray(sum(np.exp(-rate * squares) for rate in rates) / len(rates))

    return mixed


def _squares(x: Matrix, y: Matrix) -> Matrix:
    """|x - y|^2, [n, m]; both moved to the middle of y first, as far from 0 small distances would be lost."""
    middle = y.mean(0)
    x, y = x - middle, y - middle
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * (x @ y.T)
    return np.asarray(np.maximum(squares, 0.0))


def median_bandwidths(y: Any, widths: Sequence[float] = WIDTHS, seed: int = 0) -> tuple[float, ...]:
    """Median distance between examples of one set, times each of ``widths`` (the median heuristic).

    Taken of the reference alone, so that all sets compared with it are seen through the same kernel.

    Args:
        y: [m, ...], m at least 2; of more than `MEDIAN_OF` a random part is taken.
        widths: Factors.
        seed: Of that part.

    Raises:
        SettingError: Fewer than two examples, or all alike.
    """
    rows = matrix(y)
    if len(rows) > MEDIAN_OF:
        rows = rows[np.random.default_rng(seed).choice(len(rows), MEDIAN_OF, replace=False)]
    away = -minus_distance(rows, rows)[np.triu_indices(len(rows), 1)]
    median = float(np.median(away)) if away.size else 0.0
    if not median > 0:
        raise SettingError("the examples are all alike, so they tell no bandwidth: give bandwidths")
    return tuple(width * median for width in widths)


def energy_distance(x: Any, y: Any) -> Estimate:
    """2 E|x - y| - E|x - x'| - E|y - y'|, unbiased, with its standard error by jackknife; 0 for equal laws.

    Args:
        x: [n, ...] array or tensor, n at least 3.
        y: [m, ...], m at least 3.

    Raises:
        SettingError: Other sizes, or numbers that are not finite.
    """
    return discrepancy(*pair(x, y, 3), minus_distance)


def mmd(x: Any, y: Any, bandwidths: Sequence[float] | None = None) -> Estimate:
    """Squared maximum mean discrepancy with a mixture of Gaussian kernels, unbiased, with its standard error.

    Args:
        x: [n, ...] array or tensor, n at least 3.
        y: [m, ...], the reference, m at least 3.
        bandwidths: None = `median_bandwidths` of the reference.

    Raises:
        SettingError: Other sizes, or numbers that are not finite.
    """
    first, second = pair(x, y, 3)
    return discrepancy(first, second, gaussian_kernel(bandwidths or median_bandwidths(second)))


def squared_mmd(x: Matrix, y: Matrix, of: Kernel = kernel) -> float:
    """Unbiased squared maximum mean discrepancy.

    Args:
        x: [n, d], n at least 2.
        y: [m, d], m at least 2.
        of: KID's kernel, or another.
    """
    return _sums(x, y, of).value


def mmd_error(x: Matrix, y: Matrix, of: Kernel = kernel) -> float:
    """Standard error of `squared_mmd` of whole sets by the jackknife over either (Arvesen 1969).

    Args:
        x: [n, d], n at least 3.
        y: [m, d], m at least 3.
        of: As there.
    """
    return _sums(x, y, of).error


def discrepancy(x: Matrix, y: Matrix, of: Kernel) -> Estimate:
    """`squared_mmd` and `mmd_error` for the price of one."""
    sums = _sums(x, y, of)
    return Estimate(sums.value, sums.error)


def subset_mmds(x: Matrix, y: Matrix, size: int, subsets: int = 100, *, seed: int = 0) -> Matrix:
    """`squared_mmd` of random subsets of either set, drawn without replacement; [subsets].

    Where both sets are as small as a subset all subsets are the same.
    """
    if size == len(x) == len(y):
        return np.full(subsets, squared_mmd(x, y))
    dice = np.random.default_rng(seed)
    return np.array(
        [
            squared_mmd(
                x[dice.choice(len(x), size, replace=False)], y[dice.choice(len(y), size, replace=False)]
            )
            for _ in range(subsets)
        ]
    )


class _Sums(NamedTuple):
    """For each example: the sum of its kernel with all others of its set, and with all of the other set."""

    x_own: Matrix
    x_cross: Matrix
    y_own: Matrix
    y_cross: Matrix

    @property
    def value(self) -> float:
        n, m = len(self.x_own), len(self.y_own)
        own = self.x_own.sum() / (n * (n - 1)) + self.y_own.sum() / (m * (m - 1))
        return float(own - 2 * self.x_cross.sum() / (n * m))

    @property
    def error(self) -> float:
        n, m = len(self.x_own), len(self.y_own)
        return float(np.sqrt(_left_out(self.x_own, self.x_cross, m) + _left_out(self.y_own, self.y_cross, n)))


def _sums(x: Matrix, y: Matrix, of: Kernel) -> _Sums:
    across = np.zeros(len(y))
    along = []
    for start in range(0, len(x), ROWS):
        block = of(x[start : start + ROWS], y)
        along.append(block.sum(1))
        across += block.sum(0)
    return _Sums(_own(x, of), np.concatenate(along), _own(y, of), across)


def _own(x: Matrix, of: Kernel) -> Matrix:
    rows = []
    for start in range(0, len(x), ROWS):
        some = x[start : start + ROWS]
        within = of(some, x)
        rows.append(within.sum(1) - within[np.arange(len(some)), start + np.arange(len(some))])
    return np.concatenate(rows)


def _left_out(rows: Matrix, cross: Matrix, others: int) -> float:
    """Variance of the discrepancy over which example is left out."""
    n = len(rows)
    own = (rows.sum() - 2 * rows) / ((n - 1) * (n - 2))
    left = own - 2 * (cross.sum() - cross) / ((n - 1) * others)
    return float((n - 1) / n * ((left - left.mean()) ** 2).sum())
