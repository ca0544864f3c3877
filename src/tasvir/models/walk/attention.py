"""Sums of softmaxes over one drawing: what every pixel looked at, averaged over heads, layers and steps.

Averages of softmaxes are softmaxes: over all keys each pixel's map still sums to 1, and so it does after
linear interpolation to the finest grid (the averaging is that of DAAM, Tang et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass
class AttentionSum:
    """Adds up softmaxes by the grid that they were taken on."""

    sums: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    counts: dict[tuple[int, int], int] = field(default_factory=dict)
    deviation: float = 0.0

    def add(self, probabilities: Tensor, grid: tuple[int, int]) -> None:
        """Take in a layer's softmax [heads, rows * columns, keys] on a grid of (rows, columns)."""
        exact = probabilities.detach().float()
        self.deviation = max(self.deviation, (exact.sum(-1) - 1).abs().max().item())
        maps = exact.mean(0).T.unflatten(1, grid).cpu()
        self.sums[grid] = self.sums[grid] + maps if grid in self.sums else maps
        self.counts[grid] = self.counts.get(grid, 0) + 1

    @property
    def total(self) -> int:
        """Softmaxes taken in."""
        return sum(self.counts.values())

    def mean(self) -> Tensor:
        """The average [keys, rows, columns] on the finest grid; sums to 1 over the keys."""
        finest = max(self.sums, key=lambda grid: grid[0] * grid[1])
        raised = [
            F.interpolate(maps[None], finest, mode="bilinear", align_corners=False)[0]
            for maps in self.sums.values()
        ]
        return torch.stack(raised).sum(0) / self.total


def grid_of(count: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a level with ``count`` pixels, below latents of height x width.

    A U-Net halves a side by a convolution of stride 2, which rounds up; a transformer of 2 x 2 patches once.
    """
    rows, columns = height, width
    while rows * columns > count:
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
    assert rows * columns == count, f"no level of {height} x {width} has {count} pixels"
    return rows, columns
