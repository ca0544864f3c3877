"""A decoder-only transformer over tokens: causal attention, keys and values kept in sampling (thesis 2.2.6).

Points are binned and their density is a constant in each bin, exactly. Small pictures are told pixel by
pixel, larger ones patch by patch through a code book, of which the likelihood is that of the tokens alone.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.codings import BinCoding, Coding, LevelCoding, PatchCoding
from tasvir.lab.families.laws import chosen
from tasvir.lab.families.sequential import SequentialFamily, check_size

LONGEST = 256
"""Tokens of a picture at most, unless a patch is asked for: attention costs their square."""
BEGIN = 0.02
"""Deviation of the vectors of tokens and places before training (Radford et al. 2018)."""


class DecoderBlock(nn.Module):
    """Causal self-attention and a perceptron, both residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, kept: Tensor | None = None, at: int = 0) -> Tensor:
        """x [B, L, width] all at once, or [B, 1, width] at a place of keys and values [2, B, heads, L, d]."""
        qkv = self.qkv(self.first(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if kept is None:
            mixed = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_causal=True)
        else:
            kept[:, :, :, at] = qkv[1:, :, :, 0]
            keys, values = kept[:, :, :, : at + 1]
            mixed = nn.functional.scaled_dot_product_attention(qkv[0], keys, values)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        found: Tensor = x + self.down(nn.functional.gelu(self.up(self.second(x))))
        return found


class Decoder(nn.Module):
    """Logits of every token given those before it: [B, L] int64 -> [B, L, values].

    Args:
        coding: How examples become tokens; its buffers are kept with the weights.
        width: Size of a token's vector.
        depth: Blocks.
        heads: Attention heads.

    Raises:
        SettingError: A width that does not fall into heads.
    """

    def __init__(self, coding: Coding, width: int, depth: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise SettingError(f"a width of {width} does not fall into {heads} heads: give a multiple")
        self.coding, self.heads = coding, heads
        self.token = nn.Embedding(coding.values + 1, width)  # one more: what stands before the first
        nn.init.normal_(self.token.weight, std=BEGIN)  # no louder than the places
        self.place = nn.Parameter(BEGIN * torch.randn(coding.length, width))
        self.blocks = nn.ModuleList(DecoderBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, coding.values)

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        before = nn.functional.pad(tokens, (1, -1), value=self.coding.values)
        hidden = self.token(before) + self.place
        for block in self.blocks:
            hidden = block(hidden)
        logits: Tensor = self.leave(self.norm(hidden))
        return logits

    def empty(self, n: int) -> Tensor:
        """Room for keys and values of n examples: [depth, 2, n, heads, L, width / heads]."""
        size = self.place.shape[1] // self.heads
        return torch.zeros(len(self.blocks), 2, n, self.heads, self.coding.length, size)

    def step(self, last: Tensor, at: int, kept: Tensor) -> Tensor:
        """Logits [B, values] of the token at a place, of the last one [B] and those kept before it."""
        hidden = (self.token(last) + self.place[at])[:, None]
        for block, own in zip(self.blocks, kept, strict=True):
            hidden = block(hidden, own, at)
        logits: Tensor = self.leave(self.norm(hidden[:, 0]))
        return logits


class TransformerFamily(SequentialFamily):
    """A decoder-only transformer over tokens; exact likelihood where the tokens lose nothing.

    Args:
        patch: Side of a picture's patches in pixels; 1 = pixels; None = the smallest that makes no more than
            `LONGEST` tokens.
        codes: Of the code book, where patches are larger than 1.
        width: Size of a token's vector.
        depth: Blocks.
        heads: Attention heads.

    Raises:
        SettingError: A size below 1.
    """

    name: ClassVar[str] = "transformer"
    source: ClassVar[str] = "Vaswani et al. 2017; Parmar et al. 2018; thesis 2.2.6"

    network: Decoder

    def __init__(
        self, patch: int | None = None, codes: int = 256, width: int = 64, depth: int = 3, heads: int = 4
    ) -> None:
        sizes = {
            "patch": 1 if patch is None else patch,
            "codes": codes,
            "width": width,
            "depth": depth,
            "heads": heads,
        }
        for name, size in sizes.items():
            check_size(name, size)
        self.patch, self.codes = patch, codes
        self.width, self.depth, self.heads = width, depth, heads

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`.

        Raises:
            SettingError: Pictures that do not fall into patches or whose levels are not known.
        """
        self.settle(data)
        coding = self.coding_for(data)
        self.no_likelihood = coding.lossy
        return Decoder(coding, self.width, self.depth, self.heads)

    def coding_for(self, data: Data) -> Coding:
        """How these data become tokens."""
        if data.kind == "points":
            return BinCoding(data)
        patch = smallest_patch(data.shape) if self.patch is None else self.patch
        return LevelCoding(data) if patch == 1 else PatchCoding(data, patch, self.codes)

    def token_nats(self, x: Tensor) -> Tensor:
        """Log-probability [B] of the tokens of examples, whatever they lose."""
        tokens = self.network.coding.encode(x)
        logits = self.network(tokens).float()
        missed = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
        return -missed.view_as(tokens).sum(1)

    def nats(self, x: Tensor) -> Tensor:
        """See `SequentialFamily.nats`; of tokens that lose something, that of the tokens."""
        return self.token_nats(x) + self.network.coding.within(x)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, int]:
        """See `SequentialFamily.draw`: a token takes one step."""
        coding, kept = self.network.coding, self.network.empty(n)
        tokens = torch.empty(n, coding.length, dtype=torch.int64)
        last = torch.full((n,), coding.values)
        for at in range(coding.length):
            last = chosen(self.network.step(last, at, kept), generator)
            tokens[:, at] = last
        return coding.decode(tokens, generator), coding.length


def smallest_patch(shape: tuple[int, ...]) -> int:
    """The smallest side of patches that makes no more than `LONGEST` tokens of a picture (C, H, W).

    Raises:
        SettingError: No patch fits.
    """
    channels, high, wide = shape
    for patch in range(1, min(high, wide) + 1):
        fits = high % patch == 0 and wide % patch == 0
        if fits and high * wide // patch**2 * (channels if patch == 1 else 1) <= LONGEST:
            return patch
    raise SettingError(f"pictures of {wide} x {high} fall into no equal square patches: name other data")
