"""Solvers that begin each step anew and ask within it: explicit Runge-Kutta methods with exact integrals.

The stages are those of DPM-Solver (Lu et al. 2022, algorithms 1 and 2); with the velocity in t they are
Euler's method, the midpoint rule and Heun's method of order 3. The integrals are those of `transfers`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.transfers import Transfer, combine
from tasvir.lab.diffusion.schedules.base import Level

FRACTIONS: dict[int, tuple[float, ...]] = {1: (), 2: (1 / 2,), 3: (1 / 3, 2 / 3)}
"""Where within a step a method of an order asks."""
STAGES: dict[int, tuple[tuple[int, ...], ...]] = {1: ((0,),), 2: ((0,), (1,)), 3: ((0,), (0, 1), (0, 2))}
"""Through which of the answers each stage and at last the step puts its polynomial."""

Step = Generator[Question, Tensor, tuple[Tensor, Tensor]]
"""Asks, and returns x at the end of the step and the answer at its beginning."""


class SinglestepSampler(Sampler):
    """``order`` 1, 2 or 3 with as many questions a step.

    A step to sigma = 0, or from where no data is left, is DDIM's: n steps to the data cost order (n - 1) + 1.
    """

    wants: ClassVar[Prediction]
    in_time: ClassVar[bool] = False
    """Whether the levels within a step lie evenly in t; else in log(alpha / sigma)."""

    transfer: ClassVar[Transfer]

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`."""
        return max(1, 1 + (evaluations - 1) // int(self.order))

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        within = inner_levels(path.steps, int(self.order), self.in_time)
        for (here, there), inner in zip(path.steps, within, strict=True):
            if at_the_edge(here, there):
                x = yield from ddim_step(x, here, there)
            else:
                x, _ = yield from single_step(x, (here, *inner, there), self.wants, type(self).transfer)
        return x


def at_the_edge(here: Level, there: Level) -> bool:
    """Whether a step begins where alpha is 0 or ends where sigma is: there log(alpha / sigma) is infinite."""
    return here.alpha == 0.0 or there.sigma == 0.0


def ddim_step(x: Tensor, here: Level, there: Level) -> Walk:
    """The step that can be made from and to everywhere (Song, Meng and Ermon 2021)."""
    x0 = yield Question(x, here, "x0")
    share = there.sigma / here.sigma
    return combine(x, share, [there.alpha - share * here.alpha], [x0])


def single_step(x: Tensor, levels: Sequence[Level], wants: Prediction, transfer: Transfer) -> Step:
    """One step of order ``len(levels) - 1`` from the first level to the last by way of those between."""
    here, told, state = levels[0], list[Tensor](), x
    for number, used in enumerate(STAGES[len(levels) - 1]):
        told.append((yield Question(state, levels[number], wants)))
        share, weights = transfer([levels[i] for i in used], here, levels[number + 1])
        state = combine(x, share, weights, [told[i] for i in used])
    return state, told[0]


def inner_levels(
    steps: Sequence[tuple[Level, Level]], order: int, in_time: bool = False
) -> list[tuple[Level, ...]]:
    """The levels within each step at which a method of an order asks; none where `at_the_edge`."""
    fractions = FRACTIONS[order]
    inside = [not at_the_edge(here, there) for here, there in steps]
    if not fractions:
        return [() for _ in steps]
    pairs = [pair for pair, wanted in zip(steps, inside, strict=True) if wanted]
    if in_time:
        times = [h.t + (t.t - h.t) * fraction for h, t in pairs for fraction in fractions]
    else:
        wanted = [
            h.half_log_snr + (t.half_log_snr - h.half_log_snr) * fraction
            for h, t in pairs
            for fraction in fractions
        ]
        times = steps[0][0].schedule.time_of(torch.tensor(wanted, dtype=torch.float64)).tolist()
    found = iter([steps[0][0].schedule.level(time) for time in times])
    return [tuple(next(found) for _ in fractions) if wanted else () for wanted in inside]
