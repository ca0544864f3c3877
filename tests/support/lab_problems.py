"""Problems of the laboratory whose answers are known: for tests of samplers and likelihoods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule


def line_mixture() -> MixtureLaw:
    """Three components on a line."""
    return MixtureLaw(
        torch.tensor([0.3, 0.5, 0.2]),
        torch.tensor([[-1.5], [0.0], [1.0]]),
        torch.tensor([[0.04], [0.01], [0.09]]),
    )


def correlated() -> MixtureLaw:
    """A Gaussian in the plane with correlated coordinates."""
    return MixtureLaw.gaussian(torch.tensor([0.3, -0.5]), torch.tensor([[1.0, 0.6], [0.6, 0.5]]))


def gaussian_end(law: MixtureLaw, schedule: Schedule, x: Tensor, start: float, end: float) -> Tensor:
    """Where the probability flow of a Gaussian leads x [N, D] from one time to another, in closed form.

    Along every axis of the covariance the distance from the mean scales with the deviation.
    """
    one, other = schedule.level(start), schedule.level(end)
    before = one.alpha**2 * law.spread[0] + one.sigma**2
    after = other.alpha**2 * law.spread[0] + other.sigma**2
    turned = (x - one.alpha * law.means[0]) @ law.axes[0] * (after / before).sqrt()
    return other.alpha * law.means[0] + turned @ law.axes[0].T


def gaussian_errors(
    sampler: Sampler, schedule: Schedule, steps: Sequence[int], end: float, spacing: str = "log-snr"
) -> list[float]:
    """Largest errors of a deterministic sampler on `correlated`, for each number of steps."""
    law = correlated()
    denoiser = OracleDenoiser(law, schedule)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 2, generator=generator, dtype=torch.float64) * schedule.prior_deviation()
    truth = gaussian_end(law, schedule, x, schedule.last, end)
    errors = []
    for count in steps:
        grid = path(schedule, count, spacing, end=end, to_data=False)
        found = sample(denoiser, sampler, grid, x, gaussian_noise(0)).x
        errors.append(float((found - truth).abs().max()))
    return errors


def slopes(errors: Sequence[float]) -> list[float]:
    """Observed orders: log2 of the ratios of errors when steps double."""
    return [math.log2(one / other) for one, other in pairwise(errors)]
