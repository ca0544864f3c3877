"""Annealed Langevin dynamics (Song and Ermon 2019): some steps at every noise level, the largest first."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.langevin import langevin_step
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk


class AnnealedLangevinSampler(Sampler):
    """T steps x + a_i / 2 score + sqrt(a_i) z a level, a_i = e sigma_i^2 / sigma_L^2 (thesis table 4.2).

    From the largest sigma down to the smallest: 4.18 numbers them the other way round. Between levels x keeps
    its data, x alpha_s / alpha_t, which for NCSN's alpha = 1 is nothing. A path to sigma = 0 ends with the
    guess of the data (Jolicoeur-Martineau et al. 2021). L levels above 0 cost T L questions, that guess one.

    Its error does not vanish with more levels, only with smaller steps: order 0.

    Args:
        repeats: T.
        step: e / sigma_L^2, below 4, where the dynamics explode; 0.062 and T = 5 are NCSNv2's (2020).

    Raises:
        SettingError: One of them is out of its range.
    """

    name: ClassVar[str] = "annealed-langevin"
    order: ClassVar[float] = 0
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 5

    def __init__(self, repeats: int = 5, step: float = 0.062) -> None:
        if repeats < 1 or not 0 < step < 4:
            raise SettingError(f"{repeats} steps of {step} a level: ask for 1 or more, within 0 and 4")
        self.repeats, self.step = repeats, step
        self.evaluations = repeats  # type: ignore[misc]

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`; with one question kept for the last guess."""
        return max(1, (evaluations - 1) // self.repeats)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`.

        Raises:
            SettingError: Nothing of the data is left where the path begins.
        """
        if path.levels[0].alpha == 0.0:
            raise SettingError("annealed Langevin needs some data in x: begin before alpha is 0")
        noisy = [level for level in path.levels if level.sigma > 0]
        for before, level in pairwise([noisy[0], *noisy]):
            x = x * (level.alpha / before.alpha)
            for _ in range(self.repeats):
                x = yield from langevin_step(x, level, self.step * level.sigma**2, noise)
        if path.levels[-1].sigma == 0:
            x0 = yield Question(x, noisy[-1], "x0")
            return x0 * path.levels[-1].alpha
        return x
