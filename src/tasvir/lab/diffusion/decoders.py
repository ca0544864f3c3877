"""What turns the last, barely noisy numbers into data: the probability of levels, or a density."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.special import log_ndtr

from tasvir.lab.diffusion.bits import bin_width

NARROWEST = -1e-12
"""Least log-ratio of two neighbouring tails; below it rounding alone is left of a bin."""


def discretised_gaussian(data: Tensor, mean: Tensor, deviation: Tensor, levels: int | None) -> Tensor:
    """DDPM's decoder: log of the share of N(mean, deviation^2) in each number's bin (Ho et al. 2020, eq. 13).

    Args:
        data: On ``levels`` values from -1 to 1; the two outermost bins reach to infinity.
        mean: Same shape.
        deviation: Same shape, or one that broadcasts to it.
        levels: None = real numbers: the log density.

    Returns:
        Shape of data, float64.
    """
    away, deviation = data.double() - mean.double(), deviation.double()
    if levels is None:
        return -0.5 * (away / deviation) ** 2 - deviation.log() - 0.5 * math.log(2 * math.pi)
    half = bin_width(levels) / 2
    low, high = (away - half) / deviation, (away + half) / deviation
    low = low.masked_fill(data < -1 + half, -torch.inf)
    high = high.masked_fill(data > 1 - half, torch.inf)
    turned = low > 0  # both to the side where the tail is small and its log exact
    first, second = torch.where(turned, -high, low), torch.where(turned, -low, high)
    larger = log_ndtr(second)
    found: Tensor = larger + torch.log(-torch.expm1((log_ndtr(first) - larger).clamp(max=NARROWEST)))
    return found


def among_levels(data: Tensor, seen: Tensor, deviation: float | Tensor, levels: int | None) -> Tensor:
    """VDM's decoder: log p(level) proportional to N(seen; level, deviation^2) (Kingma et al. 2021, eq. 8).

    Args:
        data: On ``levels`` values from -1 to 1.
        seen: Data plus noise, x_t / alpha; same shape.
        deviation: Of that noise, sigma / alpha; a tensor [] keeps its gradient.
        levels: None = real numbers: the log density of data around ``seen``.

    Returns:
        Shape of data, float64.
    """
    deviation = torch.as_tensor(deviation, dtype=torch.float64)
    own = -0.5 * ((data.double() - seen.double()) / deviation) ** 2
    if levels is None:
        return own - deviation.log() - 0.5 * math.log(2 * math.pi)
    values = torch.linspace(-1, 1, levels, dtype=torch.float64, device=data.device)
    total = torch.stack([-0.5 * ((seen.double() - value) / deviation) ** 2 for value in values])
    return own - total.logsumexp(0)
