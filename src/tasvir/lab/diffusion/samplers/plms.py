"""PLMS, pseudo linear multistep as Stable Diffusion has it (Rombach et al. 2022)."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.pndm import ADAMS, transferred
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step


class PlmsSampler(Sampler):
    """PNDM without Runge-Kutta: the first step goes again with the mean noise of its two ends.

    Then Adams-Bashforth of orders 2, 3 and 4 in DDIM's transfer; n steps cost n + 1 questions.
    """

    name: ClassVar[str] = "plms"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`."""
        return max(1, evaluations - 1)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        told = deque[Tensor](maxlen=3)
        for here, there in path.steps:
            if at_the_edge(here, there):
                x = yield from ddim_step(x, here, there)
                continue
            eps = yield Question(x, here, "eps")
            if told:
                x = transferred(x, ADAMS[1 + len(told)], (eps, *told), here, there)
            else:
                trial = transferred(x, (1.0,), (eps,), here, there)
                second = yield Question(trial, there, "eps")
                x = transferred(x, (0.5, 0.5), (eps, second), here, there)
            told.appendleft(eps)
        return x
