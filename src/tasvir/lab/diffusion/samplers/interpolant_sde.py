"""The SDEs of stochastic interpolants (Albergo et al. 2023): any amount of noise, the same marginals."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import convert
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk


class InterpolantSdeSampler(Sampler):
    """dx = (v - e score) dt + sqrt(2 e) dw backwards in t, e = level sigma(t), by Euler's method in t.

    v alone carries the law along; e times (score + noise) leaves it where it is, for any e >= 0 (Albergo et
    al. 2023, corollary 18). At level = 0 it is Euler's method for the flow. It asks for the velocity, from
    which the score follows also where no data are left.

    Args:
        level: How much noise.

    Raises:
        SettingError: It is negative.
    """

    name: ClassVar[str] = "interpolant-sde"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, level: float = 1.0) -> None:
        if not level >= 0:
            raise SettingError(f"noise level {level}: it must not be negative")
        self.level = level

    def walk(self, x: torch.Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`; no noise in a step to sigma = 0."""
        for here, there in path.steps:
            length, size = here.t - there.t, self.level * here.sigma
            velocity = yield Question(x, here, "velocity")
            moved = torch.add(x, velocity, alpha=-length)
            if there.sigma > 0 and size > 0:
                score = convert(velocity, x, here, "velocity", "score")
                moved = torch.add(moved, score, alpha=size * length)
                moved = torch.add(moved, noise(x), alpha=math.sqrt(2 * size * length))
            x = moved
        return x
