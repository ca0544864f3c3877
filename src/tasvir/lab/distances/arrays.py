"""What distances take and give: sets of numbers, [n, d], and figures with what is known of their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasvir.errors import SettingError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with what is known of its error.

    Args:
        value: The figure.
        error: Its standard error, or None.
        bias: What the jackknife takes for its bias, or None.
    """

    value: float
    error: float | None = None
    bias: float | None = None


def matrix(x: Any) -> Matrix:
    """A set as [n, d] in float64: one row an example, whatever its shape; a list of numbers has d = 1.

    Args:
        x: Array or tensor on the CPU, [n, ...].

    Raises:
        SettingError: Nothing in it, or numbers that are not finite.
    """
    values = np.asarray(x, dtype=np.float64)
    if values.ndim == 0 or not values.size:
        raise SettingError("a set of nothing has no distance to anything: give at least one example")
    if not np.isfinite(values).all():
        broken = int((~np.isfinite(values.reshape(len(values), -1))).any(1).sum())
        raise SettingError(f"{broken} of {len(values)} examples hold NaN or infinity: no distance follows")
    return values.reshape(len(values), -1)


def pair(x: Any, y: Any, least: int = 1) -> tuple[Matrix, Matrix]:
    """Two sets of the same space.

    Args:
        x: [n, ...].
        y: [m, ...].
        least: How many examples either must have.

    Raises:
        SettingError: They are not of the same space, too few, or not finite.
    """
    first, second = matrix(x), matrix(y)
    if first.shape[1] != second.shape[1]:
        raise SettingError(
            f"examples of {first.shape[1]} and of {second.shape[1]} numbers are not of the same space"
        )
    if min(len(first), len(second)) < least:
        raise SettingError(f"sets of {len(first)} and {len(second)}: this distance needs {least} in each")
    return first, second
