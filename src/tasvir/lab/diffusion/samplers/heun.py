"""Heun's method in noise (Karras et al. 2022, algorithm 1): an Euler step, then again with the mean slope."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step
from tasvir.lab.diffusion.samplers.transfers import combine
from tasvir.lab.diffusion.schedules.base import Level


class HeunSampler(Sampler):
    """dy / dr = eps with y = x / alpha and r = sigma / alpha, by the explicit trapezoidal rule.

    A step to sigma = 0 is DDIM's, as nothing can be asked there: n steps to the data cost 2 n - 1 questions.
    """

    name: ClassVar[str] = "heun"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 2

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`."""
        return max(1, (evaluations + 1) // 2)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            x = yield from heun_step(x, here, there)
        return x


def heun_step(x: Tensor, here: Level, there: Level) -> Walk:
    """One step: two questions, or DDIM's one where one of the levels cannot be asked for noise."""
    if at_the_edge(here, there):
        return (yield from ddim_step(x, here, there))
    slope = yield Question(x, here, "eps")
    scale, step = there.alpha / here.alpha, there.alpha * (there.ratio - here.ratio)
    second = yield Question(combine(x, scale, [step], [slope]), there, "eps")
    return combine(x, scale, [step / 2, step / 2], [slope, second])
