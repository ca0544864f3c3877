"""What tests of stochastic samplers share: the exact error of a walk, and samples to be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.oracles.affine import marginal, moments
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import Path, path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level, Schedule


def line_gaussian(variance: float = 0.25, mean: float = 0.3) -> MixtureLaw:
    """N(mean, variance) on a line."""
    return MixtureLaw.gaussian(torch.tensor([mean]), torch.tensor([[variance]]))


class LineDenoiser(Denoiser):
    """The exact denoiser of `line_gaussian`, by hand: a tenth of what the oracle of mixtures costs."""

    prediction: Prediction = "x0"

    def __init__(self, schedule: Schedule, variance: float = 0.25, mean: float = 0.3) -> None:
        self.schedule, self.variance, self.mean = schedule, variance, mean

    def tell(self, x: Tensor, level: Level) -> Tensor:
        gain = level.alpha * self.variance / (level.alpha**2 * self.variance + level.sigma**2)
        return x * gain + self.mean * (1 - gain * level.alpha)


@lru_cache
def grid(schedule: Schedule, steps: int, spacing: str, end: float, to_data: bool = False) -> Path:
    """A path whose levels are worked out once for all samplers."""
    return path(schedule, steps, spacing, end=end, to_data=to_data)


def weak_errors(
    sampler: Sampler, schedule: Schedule, steps: Sequence[int], end: float, spacing: str = "log-snr"
) -> list[float]:
    """Largest errors of mean and variance on `line_gaussian`, exact, for each number of steps."""
    law, denoiser, errors = line_gaussian(), LineDenoiser(schedule), []
    for count in steps:
        through = grid(schedule, count, spacing, end)
        begin, truth = (marginal(law, level) for level in (through.levels[0], through.levels[-1]))
        found = moments(denoiser, sampler, through, begin)
        wrong = (found.mean - truth.mean).abs().max(), (found.covariance - truth.covariance).abs().max()
        errors.append(float(max(wrong)))
    return errors


def drawn(sampler: Sampler, through: Path, law: MixtureLaw, n: int, seed: int) -> Sampled:
    """n samples by the exact denoiser, begun at the exact law of the first level."""
    generator, level = torch.Generator().manual_seed(seed), through.levels[0]
    clean = law.sample(n, generator)
    noise = gaussian_noise(seed + 1)
    x = clean * level.alpha + noise(clean) * level.sigma
    return sample(OracleDenoiser(law, through.schedule), sampler, through, x, noise)


def mixture_cdf(law: MixtureLaw, x: Tensor, alpha: float, sigma: float) -> Tensor:
    """P(alpha x_0 + sigma eps <= x) of a mixture on the line, x [N]."""
    spread = (law.spread[:, 0] * alpha**2 + sigma**2).sqrt()
    away = (x[:, None] - alpha * law.means[None, :, 0]) / spread
    return (law.weights * 0.5 * (1 + torch.erf(away / math.sqrt(2)))).sum(1)
