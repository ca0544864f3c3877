"""JS divergence of known laws of one number: mixtures of Gaussians, integrated on a grid.

What a decoder N(f(z), s^2) generates of N codes is such a mixture of N components, and a Gaussian is one of
one. The trapezoidal rule converges faster than any power of the step for densities as smooth as these.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

POINTS = 512
REACH = 9.0
"""How many of its deviations beyond a component the grid goes."""


def js_mixtures(
    means: Tensor, deviations: Tensor, other_means: Tensor, other_deviations: Tensor, points: int = POINTS
) -> Tensor:
    """JS divergence of two mixtures of equally heavy Gaussians, in nats: [S].

    A component narrower than a step of the grid counts as one step wide. Double precision within.

    Args:
        means: [S, N] of the one mixture.
        deviations: [S, N], or [S, 1] if they are equal; above 0.
        other_means: [S, N'] of the other.
        other_deviations: [S, N'] or [S, 1].
        points: Of the grid.
    """
    sets = ((means.double(), deviations.double()), (other_means.double(), other_deviations.double()))
    low = torch.stack([(m - REACH * d).amin(-1) for m, d in sets]).amin(0)
    high = torch.stack([(m + REACH * d).amax(-1) for m, d in sets]).amax(0)
    step = (high - low) / (points - 1)
    grid = low[:, None] + step[:, None] * torch.arange(points, device=low.device)
    p, q = (mixture_density(grid, m, d.clamp_min(step[:, None])) for m, d in sets)
    return js_densities(p, q, step)


def js_densities(p: Tensor, q: Tensor, step: Tensor) -> Tensor:
    """JS divergence of densities on grids, [S, P], of the grids' steps [S]: [S]."""
    middle = 0.5 * (p + q)
    inner = torch.xlogy(p, p / middle.clamp_min(1e-300)) + torch.xlogy(q, q / middle.clamp_min(1e-300))
    return 0.5 * inner.sum(-1) * step


def mixture_density(grid: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """Density of equally heavy Gaussians [S, N] at [S, P]: [S, P]; one model after the other, for memory."""
    each = [
        torch.exp(-0.5 * ((at[:, None] - m) / d).square()).div(d * math.sqrt(2 * math.pi)).mean(-1)
        for at, m, d in zip(grid, means, deviations.expand_as(means), strict=True)
    ]
    return torch.stack(each)
