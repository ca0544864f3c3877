"""DPM-Solver with steps chosen by tolerance (Lu et al. 2022, appendix C): orders 3 and 2 from one trial."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.samplers.adaptive import AdaptiveSampler, Trial, Trying
from tasvir.lab.diffusion.samplers.base import Question
from tasvir.lab.diffusion.samplers.transfers import combine, from_noise, from_noise_halved
from tasvir.lab.diffusion.schedules.base import Level, Schedule


class DpmAdaptiveSampler(AdaptiveSampler):
    """DPM-Solver-3 against DPM-Solver-2 with r1 = 1/3, which asks nothing more: three questions a trial.

    Args:
        rtol: Relative tolerance; 0.05 as published.
        atol: Absolute tolerance; 0.0078, one grey level of data in [-1, 1], as published.
    """

    name: ClassVar[str] = "dpm-adaptive"
    order: ClassVar[float] = 3
    error_order: ClassVar[int] = 3

    def __init__(self, rtol: float = 0.05, atol: float = 0.0078) -> None:
        super().__init__(rtol, atol)

    def place(self, level: Level) -> float:
        """See `AdaptiveSampler.place`: log(alpha / sigma)."""
        return level.half_log_snr

    def level(self, schedule: Schedule, place: float) -> Level:
        """See `AdaptiveSampler.level`."""
        return schedule.level(float(schedule.time_of(torch.tensor(place, dtype=torch.float64))))

    def trial(self, x: Tensor, here: Level, there: Level, opening: Tensor | None) -> Trying:
        """See `AdaptiveSampler.trial`."""
        begin, step = here.half_log_snr, there.half_log_snr - here.half_log_snr
        one, two = (self.level(here.schedule, begin + step * part) for part in (1 / 3, 2 / 3))
        first = opening if opening is not None else (yield Question(x, here, "eps"))
        second = yield Question(combine(x, *from_noise([here], here, one), [first]), one, "eps")
        known = [first, second]
        third = yield Question(combine(x, *from_noise([here, one], here, two), known), two, "eps")
        result = combine(x, *from_noise([here, two], here, there), [first, third])
        lower = combine(x, *from_noise_halved([here, one], here, there), known)
        return Trial(result, lower.sub_(result), first, None)
