"""iPNDM (Zhang and Chen 2023, appendix H.2): pseudo linear multistep that begins with lower orders."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.pndm import ADAMS, transferred
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step


class IpndmSampler(Sampler):
    """Adams-Bashforth of orders 1 to 4 in DDIM's transfer: one question a step, and no other method to begin.

    Of order 4 only on grids that are even in sigma / alpha; in general 2, as PNDM.
    """

    name: ClassVar[str] = "ipndm"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        told = deque[Tensor](maxlen=3)
        for here, there in path.steps:
            if at_the_edge(here, there):
                x = yield from ddim_step(x, here, there)
                continue
            eps = yield Question(x, here, "eps")
            x = transferred(x, ADAMS[1 + len(told)], (eps, *told), here, there)
            told.appendleft(eps)
        return x
