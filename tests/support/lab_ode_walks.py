"""Short ways to walk with a sampler on oracles, for the tests of samplers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lab_problems import line_mixture
from torch import Tensor

from tasvir import registry
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level, Schedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

LINEAR = LinearSchedule()


def created(name: str, **options: object) -> Sampler:
    return registry.create("lab.samplers", name, Sampler, **options)


def run(sampler: Sampler, grid: Path, law: MixtureLaw | None = None, x: Tensor | None = None) -> Sampled:
    chosen = line_mixture() if law is None else law
    begin = starts(grid.schedule, chosen.dimension) if x is None else x
    return sample(OracleDenoiser(chosen, grid.schedule), sampler, grid, begin, gaussian_noise(0))


def starts(schedule: Schedule, dimension: int, n: int = 8) -> Tensor:
    noise = torch.randn(n, dimension, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return noise * schedule.prior_deviation()


def same(one: Tensor, other: Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def by_hand(grid: Path, prediction: Prediction, step: Callable[..., Tensor]) -> Tensor:
    """A walk of one question a step; ``step`` has x, the levels and answers so far, and where to go."""
    denoiser, x = OracleDenoiser(line_mixture(), grid.schedule), starts(grid.schedule, 1)
    levels: list[Level] = []
    told: list[Tensor] = []
    for here, there in grid.steps:
        levels.append(here)
        told.append(denoiser.predict(x, here, prediction))
        x = step(x, levels, told, there)
    return x
