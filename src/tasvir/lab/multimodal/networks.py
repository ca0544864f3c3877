"""Networks in stacks: the same small network many times with its own weights, run by batched products.

A stack of S networks takes [S, B, in] and gives [S, B, out]; each one's numbers depend on its own weights
alone, so a stack trains S models at once, and does not mix them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class StackedLinear(nn.Module):
    """S affine maps.

    Args:
        seeds: One for each map: two maps of one seed begin alike, whatever stack they are in.
        inputs: Width of the input.
        outputs: Width of the output.
    """

    def __init__(self, seeds: Sequence[int], inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        drawn = [_drawn(seed, inputs + 1, outputs) for seed in seeds]
        whole = torch.stack(drawn).mul_(bound)
        self.weight = nn.Parameter(whole[:, :-1].clone())
        self.bias = nn.Parameter(whole[:, -1:].clone())

    def forward(self, x: Tensor) -> Tensor:
        """[S, B, inputs] -> [S, B, outputs]."""
        return torch.baddbmm(self.bias, x, self.weight)


def _drawn(seed: int, rows: int, columns: int) -> Tensor:
    """Uniform in -1 to 1, the seed's own."""
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class StackedMLP(nn.Module):
    """S perceptrons with ReLU between their layers.

    Args:
        seeds: One for each.
        widths: Of input, hidden layers and output.
    """

    def __init__(self, seeds: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.layers = nn.ModuleList(
            StackedLinear([seed * 1009 + place for seed in seeds], *pair) for place, pair in enumerate(pairs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[S, B, widths[0]] -> [S, B, widths[-1]]."""
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        last: Tensor = self.layers[-1](x)
        return last
