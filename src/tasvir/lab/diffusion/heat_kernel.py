"""Brownian motion on the unit sphere: where it leads from a point, exactly, and the score of that.

After the time tau (generator Laplacian / 2) the angle gamma from the start has the density
sum_l (2 l + 1) / (4 pi) exp(-l (l + 1) tau / 2) P_l(cos gamma) on the sphere (thesis 4.3.1.7; De Bortoli et
al. 2022). The score lies in the tangent plane, along the geodesic to the start.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.errors import SettingError

REACH = 6.0
"""Angles are tabulated up to so many sqrt(tau): beyond lies a share of 2e-8."""
CELLS = 512


def heat(gamma: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
    """The heat kernel and its derivative in gamma.

    Args:
        gamma: Angles in [0, pi], [..., n] float64.
        tau: Times above 0, [..., 1] float64; their smallest settles how many terms there are.

    Raises:
        SettingError: A time is not above 0.
    """
    if not float(tau.min()) > 0:
        raise SettingError("the heat kernel of no time is a point: ask for a time above 0")
    terms = math.ceil(9 / math.sqrt(float(tau.min()))) + 2
    cosine, sine = gamma.cos(), gamma.sin()
    before, here = torch.ones_like(cosine), cosine
    slope_before, slope = torch.zeros_like(cosine), torch.ones_like(cosine)
    total, derivative = torch.ones_like(cosine) / (4 * math.pi), torch.zeros_like(cosine)
    for number in range(1, terms):
        weight = (2 * number + 1) / (4 * math.pi) * torch.exp(-number * (number + 1) / 2 * tau)
        total, derivative = total + weight * here, derivative + weight * slope
        following = ((2 * number + 1) * cosine * here - number * before) / (number + 1)
        slope_before, slope = slope, slope_before + (2 * number + 1) * here
        before, here = here, following
    return total, -sine * derivative


class HeatTable:
    """The heat kernel at fixed times: draws of the angle, and the score along it.

    Args:
        times: [T] float64 above 0.
    """

    def __init__(self, times: Tensor) -> None:
        self.times = times
        self.reach = (REACH * times.sqrt()).clamp(max=math.pi)[:, None]
        gamma = self.reach * torch.linspace(0, 1, CELLS, dtype=torch.float64)
        density, derivative = heat(gamma, times[:, None])
        self.slopes = derivative / density
        mass = density.clamp(min=0) * gamma.sin()
        steps = (mass[:, 1:] + mass[:, :-1]) / 2
        whole = torch.nn.functional.pad(steps.cumsum(1), (1, 0))
        self.shares = (whole / whole[:, -1:]).contiguous()

    def angles(self, which: Tensor, uniform: Tensor) -> Tensor:
        """Angles [B] at times number ``which`` [B], of uniform numbers [B] float64."""
        rows = self.shares[which]
        place = torch.searchsorted(rows, uniform[:, None]).clamp(1, CELLS - 1)
        low, high = rows.gather(1, place - 1), rows.gather(1, place)
        part = (uniform[:, None] - low) / (high - low).clamp(min=1e-300)
        return ((place - 1 + part) * self.reach[which] / (CELLS - 1))[:, 0]

    def slope(self, which: Tensor, angles: Tensor) -> Tensor:
        """d log density / d gamma, [B], at times number ``which`` [B]."""
        place = angles[:, None] / self.reach[which] * (CELLS - 1)
        low = place.floor().clamp(0, CELLS - 2).long()
        rows, part = self.slopes[which], place - low
        return (rows.gather(1, low) * (1 - part) + rows.gather(1, low + 1) * part)[:, 0]


def tangent(x: Tensor, vector: Tensor) -> Tensor:
    """The part of vectors [B, 3] that lies in the tangent plane at x [B, 3]."""
    return vector - (vector * x).sum(1, keepdim=True) * x


def moved(x: Tensor, step: Tensor) -> Tensor:
    """exp_x(step): along the geodesic from x [B, 3] by a tangent vector [B, 3], held on the sphere."""
    length = step.norm(dim=1, keepdim=True)
    there: Tensor = length.cos() * x + torch.sinc(length / math.pi) * step
    return torch.nn.functional.normalize(there, dim=1)
