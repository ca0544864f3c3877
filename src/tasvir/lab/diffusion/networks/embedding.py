"""What every network here is told beside x: how noisy x is and, where data have classes, which one it is of.

The noise level enters as sines and cosines at octaves (Vaswani et al. 2017), the class as a learned vector;
one row more than there are classes stands for "none", which classifier-free guidance needs (Ho and Salimans
2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FREQUENCIES = 32
LOWEST, HIGHEST = 0.25, 16.0
"""Radians a unit of noise / pi; noise = log(sigma / alpha) / 4 spans some five units."""


class Embedding(nn.Module):
    """One vector an example out of its noise level and class.

    Args:
        width: Size of the vector.
        classes: How many classes there are; None = the network knows none.
    """

    def __init__(self, width: int, classes: int | None = None) -> None:
        super().__init__()
        self.classes = classes
        self.layers = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.table = None if classes is None else nn.Embedding(classes + 1, width)

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """noise [B], labels [B] int64 or None (no class) -> [B, width]."""
        steps = torch.linspace(0, 1, FREQUENCIES, device=noise.device, dtype=torch.float32)
        rates = math.pi * LOWEST * (HIGHEST / LOWEST) ** steps
        angles = noise.float()[:, None] * rates
        told: Tensor = self.layers(torch.cat([angles.cos(), angles.sin()], 1))
        if self.table is None or self.classes is None:
            return told
        if labels is None:
            labels = torch.full((len(noise),), self.classes, device=noise.device)
        found: Tensor = told + self.table(labels)
        return found


def zeroed(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """The layer with nothing in it: a network that ends in one tells 0 at first."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
