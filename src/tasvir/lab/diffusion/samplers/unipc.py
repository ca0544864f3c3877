"""UniPC (Zhao et al. 2023): each answer first corrects the step that led to it, then predicts the next one.

UniP-p puts a polynomial in lambda through p guesses of the data, UniC-p through one more, the newest one. In
their equations B(h) cancels wherever the linear system is solved; it stays in the two cases where the paper
sets the coefficient to 1/2 instead: UniP-2 and UniC-1. So UniP-3 is DPM-Solver++(3M) with exact integrals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Noise, Question, Walk
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler, Start
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step, inner_levels, single_step
from tasvir.lab.diffusion.samplers.transfers import (
    Transfer,
    combine,
    data_transfer,
    exponential_moments,
    from_data,
)
from tasvir.lab.diffusion.schedules.base import Level

Scale = Literal["bh1", "bh2"]


class UnipcSampler(MultistepSampler):
    """UniPC-p, data form: p guesses are remembered, one question a step, order p + 1.

    Args:
        start: See `MultistepSampler`; only UniPC-3 needs a Runge-Kutta step.
        scale: B(h) of the paper: "bh1" is h, "bh2" is e^h - 1.

    Raises:
        SettingError: No such start or scale.
    """

    wants: ClassVar[Prediction] = "x0"
    begins_with: ClassVar[int] = 2
    transfer: ClassVar[Transfer] = from_data

    def __init__(self, start: Start = "runge-kutta", scale: Scale = "bh2") -> None:
        super().__init__(start)
        if scale not in ("bh1", "bh2"):
            raise SettingError(f'a scale is "bh1" or "bh2", not {scale!r}')
        self.scale = scale

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        levels, told = deque[Level](maxlen=self.remembers), deque[Tensor](maxlen=self.remembers)
        before: Tensor | None = None  # the corrected x at levels[0], if the step from there can be corrected
        for here, there in path.steps:
            if at_the_edge(here, there):
                x = yield from ddim_step(x, here, there)
                continue
            if len(told) < self.starting_steps:
                (inner,) = inner_levels([(here, there)], self.starting_order)
                x, answer = yield from single_step(x, (here, *inner, there), self.wants, from_data)
            else:
                answer = yield Question(x, here, self.wants)
                if before is not None:
                    x = self._led(before, (*levels, here), (*told, answer), levels[0], here)
                before, known = x, slice(self.remembers)
                x = self._led(x, (here, *levels)[known], (answer, *told)[known], here, there)
            levels.appendleft(here)
            told.appendleft(answer)
        return x

    def _led(
        self, x: Tensor, levels: Sequence[Level], told: Sequence[Tensor], here: Level, there: Level
    ) -> Tensor:
        step = there.half_log_snr - here.half_log_snr
        moments = exponential_moments(step, len(told))
        if len(told) == 2:
            moments[1] = (step if self.scale == "bh1" else moments[0]) / 2
        share, weights = data_transfer(levels, here, there, moments)
        return combine(x, share, weights, told)


class Unipc1Sampler(UnipcSampler):
    """UniP-1, which is DDIM, and UniC-1."""

    name: ClassVar[str] = "unipc-1"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    remembers: ClassVar[int] = 1


class Unipc2Sampler(UnipcSampler):
    """UniP-2 and UniC-2; no further question is needed to begin."""

    name: ClassVar[str] = "unipc-2"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    remembers: ClassVar[int] = 2


class Unipc3Sampler(UnipcSampler):
    """UniP-3 and UniC-3; the first step is DPM-Solver++(3S), which costs two questions more."""

    name: ClassVar[str] = "unipc-3"
    order: ClassVar[float] = 4
    stochastic: ClassVar[bool] = False
    remembers: ClassVar[int] = 3
