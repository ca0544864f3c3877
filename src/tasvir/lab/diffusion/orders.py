"""Of which order a deterministic sampler truly is: its errors on laws whose flow is known, as steps double.

The order is what a method promises for every problem; by luck one problem may show more (a leading error
that happens to cancel). So it is read off several problems, and the least slope counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from tasvir.lab.diffusion.oracles.base import Law, OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.oracles.problems import problem
from tasvir.lab.diffusion.paths import Path, path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.samplers.dopri5 import Dopri5Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

STARTS = 16
"""Start points of a case."""


def settled(sampler: Sampler) -> tuple[int, int]:
    """Numbers of steps between which the slope of a method of its order has settled on the cases here."""
    first = {1: 96, 4: 384}.get(int(sampler.order), 192)
    return first, 2 * first


@dataclass(frozen=True)
class Case:
    """A law under a schedule, from the schedule's last time to ``end``, on a spacing."""

    name: str
    law: Law
    schedule: Schedule
    end: float
    spacing: str

    @cached_property
    def starts(self) -> Tensor:
        """[STARTS, D] float64, of the schedule's prior."""
        noise = torch.randn(
            STARTS, self.law.dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )
        return noise * self.schedule.prior_deviation()

    @cached_property
    def truth(self) -> Tensor:
        """Where the probability flow leads, to about 1e-11: by Dormand and Prince's pair."""
        grid = path(self.schedule, 50, "log-snr", end=self.end, to_data=False)
        denoiser = OracleDenoiser(self.law, self.schedule)
        return sample(denoiser, Dopri5Sampler(1e-12, 1e-13), grid, self.starts, gaussian_noise(0)).x

    @cached_property
    def _paths(self) -> dict[int, Path]:
        return {}  # what a schedule says at a level is worked out once for all samplers

    def path(self, steps: int) -> Path:
        """The grid of so many steps."""
        if steps not in self._paths:
            self._paths[steps] = path(self.schedule, steps, self.spacing, end=self.end, to_data=False)
        return self._paths[steps]

    def error(self, sampler: Sampler, steps: int) -> float:
        """Largest distance from the truth, over numbers and start points."""
        denoiser = OracleDenoiser(self.law, self.schedule)
        found = sample(denoiser, sampler, self.path(steps), self.starts, gaussian_noise(0)).x
        return float((found - self.truth).abs().max())

    def slopes(self, sampler: Sampler, steps: Sequence[int]) -> list[float]:
        """Observed orders between neighbouring numbers of steps."""
        errors = [self.error(sampler, count) for count in steps]
        return [
            math.log(one / other) / math.log(after / before)
            for (one, other), (before, after) in zip(pairwise(errors), pairwise(steps), strict=True)
        ]


def wide_mixture() -> MixtureLaw:
    """Four Gaussians in 8 dimensions, their deviations from 0.2 to 1."""
    dice = torch.Generator().manual_seed(0)
    means = 0.5 * torch.randn(4, 8, generator=dice, dtype=torch.float64)
    deviations = torch.linspace(0.2, 1.0, 8, dtype=torch.float64) * torch.tensor([[1.0], [0.8], [0.6], [0.9]])
    return MixtureLaw(torch.tensor([0.4, 0.3, 0.2, 0.1]), means, deviations**2)


def cases(spacings: Sequence[str]) -> list[Case]:
    """Three laws under two schedules, on every spacing that is named."""
    problems: list[tuple[str, Law, Schedule, float]] = [
        ("line mixture", problem("line").law, LinearSchedule(), 1e-2),
        ("8-D mixture", wide_mixture(), KarrasSchedule(5.0), 0.05),
        ("correlated Gaussian", problem("correlated").law, LinearSchedule(), 1e-2),
    ]
    return [
        Case(name, law, schedule, end, spacing)
        for name, law, schedule, end in problems
        for spacing in spacings
    ]
