"""The Euler-Maruyama method for the reverse SDE in time (Song et al. 2021): the plainest one."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.schedules.base import Level


class EulerMaruyamaSampler(Sampler):
    """x + (f x - g^2 score) dt + g sqrt(|dt|) z, dt < 0 (thesis 4.27); no noise in a step to sigma = 0."""

    name: ClassVar[str] = "euler-maruyama"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`.

        Raises:
            SettingError: The SDE has no finite drift where the path begins.
        """
        for here, there in path.steps:
            drift, spread, length = *sde(here), here.t - there.t
            score = yield Question(x, here, "score")
            x = torch.add(x * (1 - drift * length), score, alpha=spread * length)
            if there.sigma > 0:
                x = torch.add(x, noise(x), alpha=math.sqrt(spread * length))
        return x


def sde(level: Level) -> tuple[float, float]:
    """f and g^2 of dx = f x dt + g dw at a level (thesis 4.24-4.26).

    Raises:
        SettingError: They are not finite there.
    """
    if level.alpha == 0.0:
        raise SettingError(
            f"the SDE of the {level.schedule.name} schedule has no drift at {level.t:g}, where alpha = 0: "
            "begin at an earlier time, or take a sampler that steps in log(alpha / sigma), such as ancestral"
        )
    return level.drift, level.diffusion_squared
