"""Dormand and Prince's pair of orders 5 and 4 in t (1980): the "black-box ODE solver" of Song et al. 2021."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.integrate import ERROR, NODES, STAGES
from tasvir.lab.diffusion.samplers.adaptive import AdaptiveSampler, Trial, Trying
from tasvir.lab.diffusion.samplers.base import Question
from tasvir.lab.diffusion.samplers.transfers import combine
from tasvir.lab.diffusion.schedules.base import Level, Schedule


class Dopri5Sampler(AdaptiveSampler):
    """dx / dt = v with steps chosen by tolerance: six questions a trial, and one to begin with.

    Args:
        rtol: Relative tolerance; 1e-5 as in Song et al. 2021.
        atol: Absolute tolerance.
    """

    name: ClassVar[str] = "dopri5"
    order: ClassVar[float] = 5
    error_order: ClassVar[int] = 5

    def __init__(self, rtol: float = 1e-5, atol: float = 1e-5) -> None:
        super().__init__(rtol, atol)

    def place(self, level: Level) -> float:
        """See `AdaptiveSampler.place`: t."""
        return level.t

    def level(self, schedule: Schedule, place: float) -> Level:
        """See `AdaptiveSampler.level`."""
        return schedule.level(place)

    def trial(self, x: Tensor, here: Level, there: Level, opening: Tensor | None) -> Trying:
        """See `AdaptiveSampler.trial`."""
        step = there.t - here.t
        first = opening if opening is not None else (yield Question(x, here, "velocity"))
        told, state = [first], x
        for node, row in zip(NODES[1:], STAGES[1:], strict=True):
            state = combine(x, 1.0, _scaled(row, step), told)
            level = there if node == 1.0 else here.schedule.level(here.t + node * step)
            told.append((yield Question(state, level, "velocity")))
        away = combine(told[0], ERROR[0] * step, _scaled(ERROR[1:], step), told[1:])
        return Trial(state, away, first, told[-1])


def _scaled(row: Sequence[float], step: float) -> list[float]:
    return [step * number for number in row]
