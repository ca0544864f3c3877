"""ER-SDE-Solver-2 (Cui et al. 2023): a reverse SDE with a noise of its own choosing, in sigma / alpha."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.variances import fresh

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


class ErSdeSampler(Sampler):
    """y_s = q y + (1 - q) x0 + (r_s - r_t + c) dx0/dr + sqrt(r_s^2 - q^2 r_t^2) z with q = f(r_s) / f(r_t).

    y = x / alpha, r = sigma / alpha, c = f(r_s) times the integral of dr / f from r_s to r_t, and the slope
    of x0 is that between the last two guesses. f = r^2 would be the usual reverse SDE, f = r the flow without
    noise; f = r (e^(r^0.3) + 10) is their choice, between both. The first step, and one to sigma = 0, go
    without the slope.
    """

    name: ClassVar[str] = "er-sde"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        before: tuple[Level, Tensor] | None = None
        for here, there in path.steps:
            x0 = yield Question(x, here, "x0")
            q = _quotient(here, there)
            share = q * there.alpha / here.alpha if q > 0 else 0.0
            led = torch.add(x * share, x0, alpha=there.alpha * (1 - q))
            if before is not None and q > 0:
                level, guess = before
                slope = there.alpha * _beyond(here.ratio, there.ratio) / (here.ratio - level.ratio)
                led = torch.add(led, x0 - guess, alpha=slope)
            kept = share * here.sigma
            x = fresh(led, max(0.0, there.sigma**2 - kept**2), noise)
            before = None if here.alpha == 0.0 else (here, x0)
        return x


def _scale(r: float) -> float:
    """f(r) / r."""
    return math.exp(min(r**0.3, 700.0)) + 10.0


def _quotient(here: Level, there: Level) -> float:
    """f(r_s) / f(r_t); 0 to sigma = 0 and from alpha = 0."""
    if math.isinf(here.ratio) or there.ratio == 0.0:
        return 0.0
    return there.ratio * _scale(there.ratio) / (here.ratio * _scale(here.ratio))


def _beyond(high: float, low: float) -> float:
    """r_s - r_t + f(r_s) times the integral of dr / f, by quadrature in log r."""
    middle, half = math.log(high * low) / 2, math.log(high / low) / 2
    whole = half * sum(
        w / _scale(math.exp(middle + half * node)) for node, w in zip(_NODES, _WEIGHTS, strict=True)
    )
    return low - high + low * _scale(low) * whole
