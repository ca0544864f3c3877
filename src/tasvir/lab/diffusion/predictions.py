"""What a denoiser may tell, and how one follows from another.

With x_t = alpha x_0 + sigma eps, each of x0, eps, score, v and velocity is a linear function of x_t and of
any other: score = -eps / sigma (Vincent 2011), v = alpha eps - sigma x0 (Salimans and Ho 2022), velocity =
alpha' x0 + sigma' eps (Lipman et al. 2022). The thesis' 4.16 lacks the minus of score = -grad E.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.diffusion.schedules.base import Level, Schedule

Prediction = Literal["x0", "eps", "score", "v", "velocity"]
PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)


def convert(value: Tensor, x: Tensor, level: Level, source: Prediction, target: Prediction) -> Tensor:
    """One prediction out of another: a x + b value with numbers a, b of the level.

    Args:
        value: What the denoiser told, the shape of x.
        x: x_t, any shape.
        level: The schedule at t.
        source: What ``value`` is.
        target: What is wanted.

    Raises:
        SettingError: It does not follow at this level (x0 from eps where no data is left, and the like).
    """
    if source == target:
        return value
    a, b = factors(level, source, target)
    return value * b if a == 0.0 else (x * a).add_(value, alpha=b)


def factors(level: Level, source: Prediction, target: Prediction) -> tuple[float, float]:
    """a and b of target = a x + b source.

    Raises:
        SettingError: There are none at this level.
        UnknownNameError: No such prediction.
    """
    if source == target:
        return 0.0, 1.0
    try:
        return _factors(level, source, target)
    except ZeroDivisionError:
        raise SettingError(
            f"{target} does not follow from {source} at time {level.t:g} of the "
            f"{level.schedule.name} schedule, "
            f"where alpha = {level.alpha:g} and sigma = {level.sigma:g}: begin or end nearer the middle, "
            "or train for another prediction"
        ) from None


def factors_at(
    schedule: Schedule, times: Tensor, source: Prediction, target: Prediction
) -> tuple[Tensor, Tensor]:
    """a and b of target = a x + b source for every example at a time of its own, [B] each."""
    here = _Levels(schedule.alpha(times), schedule.sigma(times), times, schedule)
    a, b = factors(cast("Level", here), source, target)  # the formulas of numbers hold for tensors
    one = torch.ones_like(here.alpha)
    return a * one, b * one


@dataclass(frozen=True)
class _Levels:
    """What a `Level` knows, for every example."""

    alpha: Tensor
    sigma: Tensor
    t: Tensor
    schedule: Schedule

    @property
    def derivatives(self) -> tuple[Tensor, Tensor]:
        return self.schedule.derivatives(self.t)


def _factors(level: Level, source: Prediction, target: Prediction) -> tuple[float, float]:
    if target in ("x0", "eps"):
        return _to_x0(level, source) if target == "x0" else _to_eps(level, source)
    first, second = _of_parts(level, target)
    r, w = _to_eps(level, source)
    if target == "score":  # which follows from eps even where no data is left
        return second * r, second * w
    p, q = _to_x0(level, source)
    return first * p + second * r, first * q + second * w


def _of_parts(level: Level, target: Prediction) -> tuple[float, float]:
    """A and B of target = A x0 + B eps."""
    if target == "score":
        return 0.0, -1.0 / level.sigma
    if target == "v":
        return -level.sigma, level.alpha
    if target == "velocity":
        return level.derivatives
    raise _unknown(target)


def _to_x0(level: Level, source: Prediction) -> tuple[float, float]:
    alpha, sigma = level.alpha, level.sigma
    if source == "x0":
        return 0.0, 1.0
    if source == "eps":
        return 1.0 / alpha, -sigma / alpha
    if source == "score":
        return 1.0 / alpha, sigma**2 / alpha
    total = alpha**2 + sigma**2
    if source == "v":
        return alpha / total, -sigma / total
    if source == "velocity":
        d_alpha, d_sigma = level.derivatives
        turn = alpha * d_sigma - d_alpha * sigma
        return d_sigma / turn, -sigma / turn
    raise _unknown(source)


def _to_eps(level: Level, source: Prediction) -> tuple[float, float]:
    alpha, sigma = level.alpha, level.sigma
    if source == "x0":
        return 1.0 / sigma, -alpha / sigma
    if source == "eps":
        return 0.0, 1.0
    if source == "score":
        return 0.0, -sigma
    total = alpha**2 + sigma**2
    if source == "v":
        return sigma / total, alpha / total
    if source == "velocity":
        d_alpha, d_sigma = level.derivatives
        turn = alpha * d_sigma - d_alpha * sigma
        return -d_alpha / turn, alpha / turn
    raise _unknown(source)


def _unknown(name: str) -> UnknownNameError:
    return UnknownNameError(f"no prediction is called {name!r}; known: {', '.join(PREDICTIONS)}")
