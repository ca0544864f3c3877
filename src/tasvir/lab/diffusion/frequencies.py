"""Pictures as cosines (DCT-II, orthonormal), in which blurring is a number for each frequency.

Heat that spreads for a time tau with no way out at the edges multiplies frequency (i, j) by exp(-lambda tau),
lambda = pi^2 (i^2 / H^2 + j^2 / W^2); tau = b^2 / 2 is a Gaussian blur of b pixels (Rissanen et al. 2023).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def cosines(n: int, like: Tensor) -> Tensor:
    """The orthonormal DCT-II of n numbers, [n, n] like a tensor; rows are frequencies."""
    place = torch.arange(n, dtype=torch.float64) + 0.5
    table = torch.cos(math.pi / n * torch.arange(n, dtype=torch.float64)[:, None] * place)
    table *= math.sqrt(2 / n)
    table[0] /= math.sqrt(2)
    return table.to(like)


def to_frequencies(x: Tensor) -> Tensor:
    """Pictures [..., H, W] as frequencies of the same shape."""
    with torch.autocast(x.device.type, enabled=False):  # half precision would be seen in the pictures
        return cosines(x.shape[-2], x) @ x @ cosines(x.shape[-1], x).T


def to_pixels(u: Tensor) -> Tensor:
    """What `to_frequencies` undoes."""
    with torch.autocast(u.device.type, enabled=False):
        return cosines(u.shape[-2], u).T @ u @ cosines(u.shape[-1], u)


def rates(high: int, wide: int) -> Tensor:
    """lambda, [H, W] float64, in 1 / pixels^2: how fast heat takes each frequency away."""
    rows, columns = (math.pi * torch.arange(n, dtype=torch.float64) / n for n in (high, wide))
    return rows[:, None] ** 2 + columns**2


def kept(blur: Tensor, shape: tuple[int, ...]) -> Tensor:
    """exp(-lambda blur^2 / 2) for blurs [B] in pixels: [B, 1, H, W] float64."""
    heat = blur.double()[:, None, None, None] ** 2 / 2
    return torch.exp(-rates(*shape[-2:]).to(heat.device) * heat)
