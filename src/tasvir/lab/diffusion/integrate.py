"""Ordinary differential equations to a tolerance: Dormand and Prince's Runge-Kutta pair of orders 5 and 4.

Like a sampler the integrator is a walk that asks: it yields (time, y), is sent dy / dtime, and returns y at
the end. Steps are as large as the difference of the two orders allows (Hairer et al. 1993, II.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError

NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""Weights of the slopes before each stage; the last row is the step of order 5 itself (Dormand and Prince
1980), so that its slope begins the next step."""
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""Order 5 minus order 4."""

SAFETY, SLOWEST, FASTEST = 0.9, 0.2, 10.0
"""How the next step follows from the error of the last one."""
LEAST_STEP = 1e-13
"""Smallest step, as a share of the whole way: below it something is not finite or has a jump."""
MOST_EVALUATIONS = 200_000
"""Where it is given up; a tolerance below the rounding of the slopes would never be met."""

Integration = Generator[tuple[float, Tensor], Tensor, Tensor]
"""Yields (time, y), is sent the slope there, returns y at the end."""
Norm = Callable[[Tensor], float]
"""The size of an error already divided by its tolerance; a step is taken at 1 or below."""


def root_mean_square(error: Tensor) -> float:
    """Over all numbers."""
    return float(error.square().mean().sqrt())


def largest(error: Tensor) -> float:
    """Of all numbers: every one keeps the tolerance."""
    return float(error.abs().max())


def dopri5(
    y: Tensor, start: float, end: float, rtol: float, atol: float, norm: Norm = root_mean_square
) -> Integration:
    """From ``start`` to ``end``, either way round.

    Args:
        y: Where it begins, any shape; the answers must be of the same shape and type.
        start: Time where y holds.
        end: Time where it is wanted.
        rtol: Error a step that is allowed, as a share of y.
        atol: Error a step that is allowed beside that.
        norm: What must keep the tolerance.

    Raises:
        SettingError: A tolerance that is not positive, or that cannot be met.
        NotFiniteError: y or a slope came to NaN or infinity.
    """
    if not (rtol > 0 and atol > 0):
        raise SettingError(f"tolerances rtol {rtol} and atol {atol}: both must be positive")
    whole, time, asked = end - start, start, 1
    slope = yield time, y
    step = _first_step(y, slope, whole, rtol, atol, norm)
    while time != end:
        last = abs(step) >= abs(end - time) * (1 - 1e-12)
        step = end - time if last else step
        slopes = [slope]
        for node, weights in zip(NODES[1:], STAGES[1:], strict=True):
            trial = _moved(y, slopes, weights, step)
            at = end if last and node == 1.0 else time + node * step
            slopes.append((yield at, trial))
        asked += len(STAGES) - 1
        scale = atol + rtol * torch.maximum(y.abs(), trial.abs())
        size = norm(_moved(torch.zeros_like(y), slopes, ERROR, step) / scale)
        if size <= 1:
            time, y, slope = (end if last else time + step), trial, slopes[-1]
        step *= _growth(size)
        _check(step, whole, time, asked, end)
    return y


@dataclass(frozen=True)
class Solved:
    """y at the end, and how many slopes were asked for."""

    y: Tensor
    evaluations: int


def integrate(
    slope: Callable[[float, Tensor], Tensor],
    y: Tensor,
    start: float,
    end: float,
    *,
    rtol: float,
    atol: float,
    norm: Norm = root_mean_square,
) -> Solved:
    """`dopri5` with a function of (time, y) that answers; args and errors as there."""
    walk, asked = dopri5(y, start, end, rtol, atol, norm), 0
    time, at = next(walk)
    while True:
        asked += 1
        try:
            time, at = walk.send(slope(time, at))
        except StopIteration as stop:
            return Solved(stop.value, asked)


def _moved(y: Tensor, slopes: list[Tensor], weights: tuple[float, ...], step: float) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight != 0.0:
            y = torch.add(y, slope, alpha=weight * step)
    return y


def _first_step(y: Tensor, slope: Tensor, whole: float, rtol: float, atol: float, norm: Norm) -> float:
    """A hundredth of the way on which y would change by itself; the controller mends it at once."""
    scale = atol + rtol * y.abs()
    size, speed = norm(y / scale), norm(slope / scale)
    step = 0.01 * size / speed if size > 0 and 0 < speed < math.inf else 0.01 * abs(whole)
    return math.copysign(min(max(step, 1e-6 * abs(whole)), 0.1 * abs(whole)), whole)


def _growth(size: float) -> float:
    if not math.isfinite(size):
        return SLOWEST
    return min(FASTEST, max(SLOWEST, SAFETY * size**-0.2)) if size > 0 else FASTEST


def _check(step: float, whole: float, time: float, asked: int, end: float) -> None:
    if time != end and not abs(step) > LEAST_STEP * abs(whole):
        raise NotFiniteError(
            f"the solver cannot go on at time {time:g}: the slopes there are not finite, or they jump"
        )
    if asked > MOST_EVALUATIONS:
        raise SettingError(f"the tolerance was not met within {asked} evaluations: allow a larger one")
