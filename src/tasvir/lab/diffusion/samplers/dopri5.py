"""Dormand and Prince's pair of orders 5 and 4 in t (1980): the "black-box ODE solver" of Song et al. 2021."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.samplers.adaptive import AdaptiveSampler, Trial, Trying
from tasvir.lab.diffusion.samplers.base import Question
from tasvir.lab.diffusion.samplers.transfers import combine
from tasvir.lab.diffusion.schedules.base import Level, Schedule

NODES: tuple[float, ...] = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES: tuple[tuple[float, ...], ...] = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""The last row is the solution of order 5, where the next step begins."""
AWAY: tuple[float, ...] = (
    71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40,
)  # fmt: skip
"""Order 5 less order 4."""


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
        for node, row in zip(NODES[1:], STAGES, strict=True):
            state = combine(x, 1.0, _scaled(row, step), told)
            level = there if node == 1.0 else here.schedule.level(here.t + node * step)
            told.append((yield Question(state, level, "velocity")))
        away = combine(told[0], AWAY[0] * step, _scaled(AWAY[1:], step), told[1:])
        return Trial(state, away, first, told[-1])


def _scaled(row: Sequence[float], step: float) -> list[float]:
    return [step * number for number in row]
