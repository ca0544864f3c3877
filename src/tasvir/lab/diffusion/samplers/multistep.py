"""Solvers that remember: one question a step, a polynomial through this answer and those before it.

The first steps have nothing to remember. Steps of lower order, as most libraries make, leave an error there
that caps a method at order 2 (or 3 for a corrected one); one or two Runge-Kutta steps keep the order.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Literal

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step, inner_levels, single_step
from tasvir.lab.diffusion.samplers.transfers import Transfer, combine
from tasvir.lab.diffusion.schedules.base import Level

Start = Literal["runge-kutta", "lower-order"]


class MultistepSampler(Sampler):
    """A polynomial through the newest ``remembers`` answers.

    Args:
        start: "runge-kutta" begins with single steps where the order needs them, which costs one question
            more for order 3 and four more for order 4; "lower-order" begins with methods of lower order, one
            question a step, as published implementations do; any greater order is then 2 (3 for UniPC).

    Raises:
        SettingError: No such start.
    """

    evaluations: ClassVar[int | None] = 1
    wants: ClassVar[Prediction]
    remembers: ClassVar[int]
    """How many answers a step goes by."""
    begins_with: ClassVar[int] = 1
    """Order of a step without memory."""
    in_time: ClassVar[bool] = False
    """Whether the levels within a starting step lie evenly in t; else in log(alpha / sigma)."""

    transfer: ClassVar[Transfer]

    def __init__(self, start: Start = "runge-kutta") -> None:
        if start not in ("runge-kutta", "lower-order"):
            raise SettingError(f'a start is "runge-kutta" or "lower-order", not {start!r}')
        self.start = start

    @property
    def starting_order(self) -> int:
        """Order of a single step whose error does not spoil the order of the whole."""
        return int(self.order) - 1

    @property
    def starting_steps(self) -> int:
        """How many single steps it takes until the method itself is of `starting_order`."""
        return max(0, self.starting_order - self.begins_with) if self.start == "runge-kutta" else 0

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`; the last step is taken to go to the data, by one question."""
        extra, steps = max(0, self.starting_order - 1), 1
        while steps + 1 + extra * min(self.starting_steps, steps) <= evaluations:
            steps += 1
        return steps

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        levels, told = deque[Level](maxlen=self.remembers - 1), deque[Tensor](maxlen=self.remembers - 1)
        for here, there in path.steps:
            if at_the_edge(here, there):
                x = yield from ddim_step(x, here, there)
                continue
            if len(told) < self.starting_steps:
                (inner,) = inner_levels([(here, there)], self.starting_order, self.in_time)
                x, answer = yield from single_step(x, (here, *inner, there), self.wants, type(self).transfer)
            else:
                answer = yield Question(x, here, self.wants)
                share, weights = type(self).transfer((here, *levels), here, there)
                x = combine(x, share, weights, (answer, *told))
            levels.appendleft(here)
            told.appendleft(answer)
        return x
