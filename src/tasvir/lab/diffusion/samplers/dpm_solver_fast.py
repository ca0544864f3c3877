"""DPM-Solver-fast (Lu et al. 2022, section 3.4; thesis 4.3.2.2): orders mixed to use up any budget."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step, inner_levels, single_step
from tasvir.lab.diffusion.samplers.transfers import from_noise


class DpmSolverFastSampler(Sampler):
    """Three steps of the path at a time by DPM-Solver-3, what is left by 2 and 1: as many questions as steps.

    The tail is DPM-Solver-2 and 1 where the steps are a multiple of 3, else 1 or 2 (appendix D.4). Single
    steps of order 1 at the end make the whole of order 2.
    """

    name: ClassVar[str] = "dpm-solver-fast"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        levels, last = list(path.levels), path.steps[-1]
        if at_the_edge(*path.steps[0]):
            x = yield from ddim_step(x, *path.steps[0])
            levels = levels[1:]
        if len(levels) > 1 and at_the_edge(*last):
            levels = levels[:-1]
        begin = 0
        for order in mixed_orders(len(levels) - 1):
            here, there = levels[begin], levels[begin + order]
            (inner,) = inner_levels([(here, there)], order)
            x, _ = yield from single_step(x, (here, *inner, there), "eps", from_noise)
            begin += order
        if levels[-1] is not path.levels[-1]:
            x = yield from ddim_step(x, *last)
        return x


def mixed_orders(evaluations: int) -> list[int]:
    """Orders that add up to a budget, 3 as long as it goes."""
    tail = {0: [2, 1], 1: [1], 2: [2]}[evaluations % 3]
    return [3] * ((evaluations - sum(tail)) // 3) + tail if evaluations else []
