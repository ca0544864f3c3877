"""A small transformer over tokens: what each of them was before it was noised, as logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.lab.diffusion.networks.dit import DitBlock
from tasvir.lab.diffusion.networks.embedding import Embedding, zeroed


class TokenNetwork(nn.Module):
    """F(x [B, L] int64, noise [B]) -> logits [B, L, K].

    Args:
        length: L.
        states: What a token may be when it is noised: the values, and perhaps a mask.
        values: K, what it may be in the data.
        width: Size of a token's vector.
        depth: Blocks.
        heads: Attention heads.
    """

    def __init__(
        self,
        length: int,
        states: int,
        values: int,
        width: int = 64,
        depth: int = 3,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(width)
        self.token = nn.Embedding(states, width)
        self.place = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList(DitBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = zeroed(nn.Linear(width, values))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """See the class; noise in about -2 to 2."""
        told = self.embedding(noise, None)
        hidden = self.token(x) + self.place
        for block in self.blocks:
            hidden = block(hidden, told)
        found: Tensor = self.leave(self.norm(hidden))
        return found
