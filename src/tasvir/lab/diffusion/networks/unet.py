"""A small U-Net (Ronneberger et al. 2015; Ho et al. 2020): convolutions at falling and rising sizes.

Pictures are halved once on the way in (2 x 2 pixels become channels), so that the widest maps of a CPU-sized
network are of 14 x 14 cells for 28 x 28 pixels; attention stands at the smallest size, where it is cheap.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.networks.embedding import Embedding, zeroed

GROUPS, HEADS = 8, 4


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions; the embedding scales and shifts between them (Dhariwal and Nichol 2021)."""

    def __init__(self, before: int, after: int, told: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(GROUPS, before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.told = nn.Linear(told, 2 * after)
        self.second_norm = nn.GroupNorm(GROUPS, after)
        self.second = zeroed(nn.Conv2d(after, after, 3, padding=1))
        self.skip = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x [B, before, H, W], told [B, width] -> [B, after, H, W]."""
        scale, shift = self.told(told)[:, :, None, None].chunk(2, 1)
        hidden = self.first(nn.functional.silu(self.first_norm(x)))
        hidden = nn.functional.silu(self.second_norm(hidden) * (1 + scale) + shift)
        found: Tensor = self.skip(x) + self.second(hidden)
        return found


class Stage(nn.Module):
    """The residual blocks of one size."""

    def __init__(self, before: int, after: int, depth: int, told: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(before if i == 0 else after, after, told) for i in range(depth)
        )

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x [B, before, H, W], told [B, width] -> [B, after, H, W]."""
        for block in self.blocks:
            x = block(x, told)
        return x


class AttentionBlock(nn.Module):
    """Self-attention over all cells; ``weights`` keeps the last map where `keep` is set."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = zeroed(nn.Conv2d(width, width, 1))
        self.keep = False
        self.weights: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x [B, width, H, W] -> the same shape."""
        n, width, high, wide = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, 3, HEADS, width // HEADS, high * wide).unbind(1)
        weights = torch.einsum("nhdq,nhdk->nhqk", q, k).mul((width // HEADS) ** -0.5).softmax(-1)
        if self.keep:
            self.weights = weights
        mixed = torch.einsum("nhqk,nhdk->nhdq", weights, v).reshape(n, width, high, wide)
        found: Tensor = x + self.out(mixed)
        return found


class UNetNetwork(nn.Module):
    """F(x [B, C, H, W], noise, labels) for pictures of any even size.

    Args:
        shape: (C, H, W) of one picture.
        classes: How many, None without.
        outputs: How many numbers it tells for each that it is given.
        width: Channels at the largest size.
        multipliers: Of the width, one a size.
        depth: Residual blocks a size.

    Raises:
        SettingError: Pictures of odd sides, or a width that does not fall into groups.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int | None = None,
        outputs: int = 1,
        width: int = 32,
        multipliers: tuple[int, ...] = (1, 2),
        depth: int = 1,
    ) -> None:
        super().__init__()
        channels, high, wide = shape
        if high % 2 or wide % 2:
            raise SettingError(f"pictures of {wide} x {high}: the U-Net needs even sides; crop or pad them")
        if width % GROUPS:
            raise SettingError(f"width is {width}: the U-Net needs a multiple of {GROUPS}")
        told, widths = 2 * width, [width * times for times in multipliers]
        self.embedding = Embedding(told, classes)
        self.enter = nn.Conv2d(4 * channels, width, 3, padding=1)
        self.down = nn.ModuleList(
            Stage(before, after, depth, told) for before, after in pairwise([width, *widths])
        )
        self.attention = AttentionBlock(widths[-1])
        self.middle = ResidualBlock(widths[-1], widths[-1], told)
        back = [*reversed(widths)]
        self.up = nn.ModuleList(
            Stage(before + here, here, depth, told) for before, here in pairwise([back[0], *back])
        )
        self.norm = nn.GroupNorm(GROUPS, width)
        self.leave = zeroed(nn.Conv2d(width, 4 * channels * outputs, 3, padding=1))
        for parameter in self.parameters():
            if parameter.ndim == 4:  # CPUs convolve quicker so
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """x [B, C, H, W], noise [B], labels [B] int64 or None -> [B, outputs * C, H, W]."""
        told = self.embedding(noise, labels)
        cells = nn.functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        hidden = self.enter(cells)
        kept = []
        for number, stage in enumerate(self.down):
            hidden = nn.functional.avg_pool2d(hidden, 2, ceil_mode=True) if number else hidden
            hidden = stage(hidden, told)
            kept.append(hidden)
        hidden = self.middle(self.attention(hidden), told)
        for stage in self.up:
            beside = kept.pop()
            if hidden.shape[-2:] != beside.shape[-2:]:
                hidden = nn.functional.interpolate(hidden, size=beside.shape[-2:], mode="nearest")
            hidden = torch.cat([hidden, beside], 1)
            hidden = stage(hidden, told)
        return nn.functional.pixel_shuffle(self.leave(nn.functional.silu(self.norm(hidden))), 2)
