"""A diffusion transformer (Peebles and Xie 2023): patches are tokens; noise and class modulate the blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.networks.embedding import Embedding, zeroed


class DitBlock(nn.Module):
    """Self-attention and a perceptron, each scaled, shifted and gated by the embedding; gates begin at 0.

    ``weights`` keeps the last attention map where `keep` is set.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise SettingError(f"a width of {width} does not fall into {heads} heads: give a multiple")
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.told = zeroed(nn.Linear(width, 6 * width))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.keep = False
        self.weights: Tensor | None = None

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x [B, P, width], told [B, width] -> [B, P, width]."""
        parts = self.told(nn.functional.silu(told))[:, None].chunk(6, 2)
        shift, scale, gate, other_shift, other_scale, other_gate = parts
        x = x + gate * self._attend(self.norm(x) * (1 + scale) + shift)
        y = self.norm(x) * (1 + other_scale) + other_shift
        found: Tensor = x + other_gate * self.down(nn.functional.gelu(self.up(y), approximate="tanh"))
        return found

    def _attend(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2)).softmax(-1).to(v)
        if self.keep:
            self.weights = weights
        mixed: Tensor = self.out(torch.matmul(weights, v).transpose(1, 2).reshape(n, length, width))
        return mixed


class DitNetwork(nn.Module):
    """F(x [B, C, H, W], noise, labels) for pictures whose sides are multiples of the patch.

    Args:
        shape: (C, H, W) of one picture.
        classes: How many, None without.
        outputs: How many numbers it tells for each that it is given.
        width: Size of a token.
        depth: Blocks.
        heads: Attention heads.
        patch: Side of a patch in pixels.

    Raises:
        SettingError: Patches that do not fit.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int | None = None,
        outputs: int = 1,
        width: int = 128,
        depth: int = 6,
        heads: int = 4,
        patch: int = 4,
    ) -> None:
        super().__init__()
        channels, high, wide = shape
        if high % patch or wide % patch:
            raise SettingError(f"pictures of {wide} x {high} do not fall into patches of {patch} x {patch}")
        self.patch, self.grid = patch, (high // patch, wide // patch)
        size = channels * patch * patch
        self.embedding = Embedding(width, classes)
        self.enter = nn.Linear(size, width)
        self.place = nn.Parameter(0.02 * torch.randn(self.grid[0] * self.grid[1], width))
        self.blocks = nn.ModuleList(DitBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.told = zeroed(nn.Linear(width, 2 * width))
        self.leave = zeroed(nn.Linear(width, outputs * size))

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """x [B, C, H, W], noise [B], labels [B] int64 or None -> [B, outputs * C, H, W]."""
        told = self.embedding(noise, labels)
        tokens = nn.functional.pixel_unshuffle(x, self.patch).flatten(2).transpose(1, 2)
        tokens = self.enter(tokens) + self.place
        for block in self.blocks:
            tokens = block(tokens, told)
        scale, shift = self.told(nn.functional.silu(told))[:, None].chunk(2, 2)
        found = self.leave(self.norm(tokens) * (1 + scale) + shift).transpose(1, 2)
        return nn.functional.pixel_shuffle(found.unflatten(2, self.grid), self.patch)
