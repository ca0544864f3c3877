"""Wasserstein distances where they are exact, and their mean over directions. Numpy alone, float64.

On a line the best transport keeps the order: W_p^p is the mean p-th power of the distance between quantiles
(Vallender 1974). In more dimensions it is taken along random directions (sliced; Bonneel et al. 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tasvir.errors import SettingError
from tasvir.lab.distances.arrays import Estimate, Matrix, matrix, pair

PROJECTIONS = 256


def wasserstein_line(x: Any, y: Any, order: int = 1) -> float:
    """W1 or W2 of two sets of numbers, exactly, also where they are not as many.

    Args:
        x: [n] or [n, 1].
        y: [m] or [m, 1].
        order: 1 or 2 (or more).

    Raises:
        SettingError: Examples of more than one number, or an order below 1.
    """
    first, second = pair(x, y)
    if first.shape[1] != 1:
        raise SettingError(
            f"examples of {first.shape[1]} numbers: on a line an example is one; take sliced_wasserstein"
        )
    return float(_powers(first, second, _checked(order))[0] ** (1 / order))


def sliced_wasserstein(
    x: Any, y: Any, order: int = 2, projections: int = PROJECTIONS, seed: int = 0
) -> Estimate:
    """(Mean of W_p^p along random directions)^(1/p); with a p of 2 at most W2 / sqrt(d).

    Sets of finite size are apart even if their laws are equal: compare with the value of two halves of the
    reference.

    Args:
        x: [n, ...] array or tensor.
        y: [m, ...].
        order: 1 or 2 (or more).
        projections: Directions, uniform on the sphere; the same for the same seed and dimension.
        seed: Of the directions.

    Returns:
        The distance; its error is that of having taken so many directions, not of having so few examples.

    Raises:
        SettingError: Sets that do not fit, fewer than 2 projections, or an order below 1.
    """
    first, second = pair(x, y)
    if projections < 2:
        raise SettingError(f"{projections} projections: take 2 or more, as the error is of their spread")
    directions = np.random.default_rng(seed).standard_normal((first.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    powers = _powers(first @ directions, second @ directions, _checked(order))
    mean = float(powers.mean())
    if mean == 0.0:
        return Estimate(0.0, 0.0)
    value = mean ** (1 / order)
    error = powers.std(ddof=1) / np.sqrt(projections)
    return Estimate(value, float(error * value / (order * mean)))


def kolmogorov_smirnov(x: Any, y: Any | Callable[[Matrix], Matrix]) -> float:
    """Largest difference of the distribution functions of two sets of numbers, or of a set and a law.

    Args:
        x: [n] or [n, 1].
        y: [m] or [m, 1]; or the law's distribution function, [n] -> [n] in 0..1.

    Raises:
        SettingError: Examples of more than one number.
    """
    values = np.sort(_line(x))
    n = len(values)
    if callable(y):
        truth = np.asarray(y(values), dtype=np.float64)
        above = np.arange(1, n + 1) / n - truth
        return float(max(above.max(), (1 / n - above).max()))
    other = np.sort(_line(y))
    places = np.concatenate([values, other])
    shares = [np.searchsorted(own, places, side="right") / len(own) for own in (values, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def _powers(x: Matrix, y: Matrix, order: int) -> Matrix:
    """W_p^p of every column, [k]; x [n, k], y [m, k].

    Quantile functions jump at multiples of 1 / n and 1 / m; counted in 1 / (n m) these are whole numbers.
    """
    n, m = len(x), len(y)
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    starts = np.concatenate([[0], ends[:-1]])
    apart = np.abs(np.sort(x, 0)[starts // m] - np.sort(y, 0)[starts // n])
    return np.asarray((ends - starts) / (n * m) @ apart**order)


def _checked(order: int) -> int:
    if order < 1:
        raise SettingError(f"order {order}: a Wasserstein distance has an order of 1 or more")
    return order


def _line(x: Any) -> Matrix:
    values = matrix(x)
    if values.shape[1] != 1:
        raise SettingError(f"examples of {values.shape[1]} numbers: on a line an example is one")
    return values[:, 0]
