"""Progressive distillation: a student does in one step what its teacher does in two (Salimans and Ho 2022).

When it can, it becomes the teacher of the next one, which has half the steps. All steps are DDIM's.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.flow import Guess, euler_step, guess_of
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.pupil import pupil_of
from tasvir.lab.diffusion.schedules.base import Schedule, shaped

Weight = Literal["truncated-snr", "snr+1"]


def two_steps_as_one(
    teacher: Guess, x: Tensor, here: Tensor, middle: Tensor, there: Tensor, labels: Tensor | None = None
) -> Tensor:
    """The x0 by which one DDIM step from here to there ends where the teacher's two do (algorithm 2).

    A step to r' = ``there`` is x0 + (r' / r) (x - x0), so x0 = (x' - (r' / r) x) / (1 - r' / r).

    Args:
        teacher: Guesses x0.
        x: x_0 + r eps, [B, ...].
        here: r, [B] float64.
        middle: Between.
        there: At least 0.
        labels: [B] or None.
    """
    end = euler_step(teacher, euler_step(teacher, x, here, middle, labels), middle, there, labels)
    share = shaped(there / here, x)
    return (end - share * x) / (1 - share)


class ProgressiveObjective(Objective):
    """Weighted squared error of x0 against `two_steps_as_one`, for steps that halve round by round.

    The denoiser's network is a `Pupil`, its copy the teacher of every round but the first.

    Args:
        teacher: Of the first round.
        schedule: In which the grid of the first teacher lies.
        plan: How many steps, and when they halve.
        weight: truncated-snr: max(1, 1 / r^2); snr+1: 1 + 1 / r^2, the error of v (equation 9).

    Raises:
        SettingError: No such weight.
    """

    def __init__(
        self, teacher: Guess, schedule: Schedule, plan: Halving, weight: Weight = "truncated-snr"
    ) -> None:
        if weight not in get_args(Weight):
            raise SettingError(f"weight {weight!r}: known are {', '.join(get_args(Weight))}")
        self.teacher, self.plan, self.weight = teacher, plan, weight
        self.levels = plan.levels(schedule)

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        pupil = pupil_of(denoiser)
        step = pupil.begin_step(0.0 if self.plan.begins(int(pupil.steps)) else 1.0)
        steps = self.plan.steps(step)
        levels = self.levels[:: len(self.levels) // (2 * steps)].to(data.device)
        chosen = 2 * torch.randint(steps, (len(data),), generator=generator, device=data.device)
        here, middle, there = levels[chosen], levels[chosen + 1], levels[chosen + 2]
        noise = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
        x = data + noise * shaped(here, data)
        teacher = self.teacher if self.plan.round(step) == 0 else guess_of(pupil.slow(denoiser))
        with torch.no_grad():
            wanted = two_steps_as_one(teacher, x, here, middle, there, labels)
        errors = (denoiser.at(x, here, labels) - wanted).square().flatten(1).mean(1)
        snr = here.pow(-2).to(errors)
        return errors * (snr.clamp(min=1.0) if self.weight == "truncated-snr" else 1 + snr)


class Halving:
    """How many steps a student has, and when they halve.

    Args:
        begin: Steps of the first teacher.
        end: Steps of the last student.
        every: Losses until steps halve.
        least: Least noise level that is asked at.

    Raises:
        SettingError: The steps are not a halving of each other, or every is below 1.
    """

    def __init__(self, begin: int, end: int, every: int, least: float) -> None:
        rounds = (begin // max(end, 1)).bit_length() - 1
        if end < 1 or every < 1 or rounds < 1 or end << rounds != begin:
            raise SettingError(
                f"from {begin} to {end} steps, halved every {every} losses: the first must be the last times "
                "2, 4, 8, ..., such as 32 and 1, and all of them 1 or more"
            )
        self.begin, self.end, self.every, self.least, self.rounds = begin, end, every, least, rounds

    def round(self, step: int) -> int:
        """Which round a step belongs to, from 0."""
        return min(step // self.every, self.rounds - 1)

    def begins(self, step: int) -> bool:
        """Whether a round begins with this step."""
        return step % self.every == 0 and step // self.every < self.rounds

    def steps(self, step: int) -> int:
        """Steps of the student that is trained at a step."""
        return self.begin >> (self.round(step) + 1)

    def levels(self, schedule: Schedule) -> Tensor:
        """Noise levels of the first teacher, falling, begin + 1 of them, the last one 0."""
        grid = path(schedule, self.begin, "karras", end=self.least)
        return torch.tensor([level.ratio for level in grid.levels], dtype=torch.float64)
