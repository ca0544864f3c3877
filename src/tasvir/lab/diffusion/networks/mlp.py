"""A residual perceptron for points: the whole of it is matrices, and it learns a plane in seconds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.lab.diffusion.networks.embedding import Embedding, zeroed


class MlpBlock(nn.Module):
    """x + W2 silu(scale * W1 norm(x) + shift), scale and shift out of the embedding."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Linear(width, width)
        self.told = nn.Linear(width, 2 * width)
        self.second = zeroed(nn.Linear(width, width))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x and told [B, width]."""
        scale, shift = self.told(told).chunk(2, 1)
        changed: Tensor = self.second(nn.functional.silu(self.first(self.norm(x)) * (1 + scale) + shift))
        return x + changed


class MlpNetwork(nn.Module):
    """F(x [B, D], noise, labels) for points, or for anything small when it is flattened.

    Args:
        shape: Of one example.
        classes: How many, None without.
        outputs: How many numbers it tells for each that it is given (2 where it tells variances too).
        width: Features.
        depth: Blocks.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int | None = None,
        outputs: int = 1,
        width: int = 128,
        depth: int = 4,
    ) -> None:
        super().__init__()
        size = torch.Size(shape).numel()
        self.outputs = outputs
        self.embedding = Embedding(width, classes)
        self.enter = nn.Linear(size, width)
        self.blocks = nn.ModuleList(MlpBlock(width) for _ in range(depth))
        self.leave = nn.Sequential(nn.LayerNorm(width), zeroed(nn.Linear(width, outputs * size)))

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """x [B, ...], noise [B], labels [B] int64 or None -> [B, outputs * first dimension, ...]."""
        told = self.embedding(noise, labels)
        hidden = self.enter(x.flatten(1))
        for block in self.blocks:
            hidden = block(hidden, told)
        found: Tensor = self.leave(hidden)
        return found.reshape(len(x), self.outputs * x.shape[1], *x.shape[2:])
