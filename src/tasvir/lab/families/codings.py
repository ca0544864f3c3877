"""Ways to write examples as tokens: levels of pixels, bins of coordinates, patches by a code book.

Only the first two keep a likelihood in the units of the data: a level is its token, and a bin of width w of
which a point takes any place alike gives the density p(bin) / w. A code book says which patch is nearest and
forgets the rest, so what is known is the probability of the tokens alone.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.bits import bin_width, on_levels
from tasvir.lab.families.sequential import as_rows, from_rows

BINS, MARGIN = 100, 0.25
"""Of a coordinate; how far they go beyond the training data on each side, in deviations of the data."""
PATCHES, ROUNDS = 20_000, 15
"""How many patches a code book is made of, and in how many rounds."""


class Coding(nn.Module):
    """Examples as tokens [B, L] int64 and back; what it took from the data lies in buffers.

    Args:
        values: How many tokens there are.
        length: L.
    """

    lossy: str | None = None
    """Why tokens tell no likelihood in the units of the data, None where they do."""

    def __init__(self, values: int, length: int) -> None:
        super().__init__()
        self.values, self.length = values, length

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Examples in the units of `Data` -> tokens."""

    @abstractmethod
    def decode(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """Tokens -> examples."""

    def within(self, x: Tensor) -> Tensor:
        """Nats [B] that an example's log-likelihood lies above that of its tokens."""
        return torch.zeros(len(x))


class LevelCoding(Coding):
    """Every number of a picture by its level, row by row; nothing is lost.

    Raises:
        SettingError: The levels are not known.
    """

    def __init__(self, data: Data) -> None:
        self.width = bin_width(data.levels)
        super().__init__(data.levels or 0, data.train[0].numel())
        self.shape = data.shape

    def encode(self, x: Tensor) -> Tensor:
        """See `Coding.encode`."""
        return on_levels(as_rows(x).flatten(1), self.values)

    def decode(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """See `Coding.decode`."""
        channels, _, wide = self.shape
        return from_rows((-1 + self.width * tokens).unflatten(1, (-1, wide * channels)), self.shape)


class BinCoding(Coding):
    """Coordinates in equal bins over the span of the training data and a margin; beyond, the density is 0."""

    low: Tensor
    width: Tensor

    def __init__(self, data: Data, bins: int = BINS) -> None:
        super().__init__(bins, data.shape[0])
        margin = MARGIN * data.deviation
        low, high = data.train.amin(0) - margin, data.train.amax(0) + margin
        self.register_buffer("low", low)
        self.register_buffer("width", (high - low) / bins)

    def _places(self, x: Tensor) -> Tensor:
        return ((x - self.low) / self.width).floor().long()

    def encode(self, x: Tensor) -> Tensor:
        """See `Coding.encode`; points outside count to the nearest bin, and `within` says that they are."""
        return self._places(x).clamp(0, self.values - 1)

    def decode(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """See `Coding.decode`: anywhere in the bin."""
        return self.low + (tokens + torch.rand(tokens.shape, generator=generator)) * self.width

    def within(self, x: Tensor) -> Tensor:
        """See `Coding.within`: minus the log volume of a bin; minus infinity outside of all."""
        places = self._places(x)
        outside = ((places < 0) | (places >= self.values)).any(1)
        return (-self.width.log().sum()).expand(len(x)).masked_fill(outside, -math.inf)


class PatchCoding(Coding):
    """Square patches by the nearest of a code book, which k-means finds (Lloyd 1982).

    Args:
        data: Pictures.
        patch: Side in pixels.
        codes: At most so many; fewer where the data have fewer different patches.

    Raises:
        SettingError: Pictures that do not fall into such patches.
    """

    book: Tensor

    def __init__(self, data: Data, patch: int, codes: int) -> None:
        _, high, wide = data.shape
        if high % patch or wide % patch:
            raise SettingError(f"pictures of {wide} x {high} do not fall into patches of {patch} x {patch}")
        self.patch, self.high = patch, high // patch
        examples = data.train[: -(-PATCHES // (self.high * (wide // patch)))]
        book = code_book(self._cut(examples).flatten(0, 1), codes)
        super().__init__(len(book), self.high * (wide // patch))
        self.register_buffer("book", book)
        self.lossy = (
            f"its tokens are patches of {patch} x {patch} pixels, each the nearest of {len(book)}: what the "
            "pixels were is lost, and so is their likelihood; with patch 1 it is exact"
        )

    def _cut(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, L, numbers of a patch]."""
        cut: Tensor = nn.functional.pixel_unshuffle(x, self.patch).flatten(2)
        return cut.transpose(1, 2)

    def encode(self, x: Tensor) -> Tensor:
        """See `Coding.encode`."""
        nearest: Tensor = torch.cdist(self._cut(x), self.book[None]).argmin(2)
        return nearest

    def decode(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """See `Coding.decode`: the code book's patches."""
        patches = self.book[tokens].transpose(1, 2).unflatten(2, (self.high, -1))
        found: Tensor = nn.functional.pixel_shuffle(patches, self.patch)
        return found


def code_book(patches: Tensor, codes: int) -> Tensor:
    """At most ``codes`` centres of patches [N, D]: [K, D].

    It begins with different patches that torch's own state chooses; a centre that no patch is next to stays.
    """
    different = patches.unique(dim=0)
    centres: Tensor = different[torch.randperm(len(different))[:codes]].clone()
    for _ in range(ROUNDS):
        nearest = torch.cdist(patches, centres).argmin(1)
        counts = torch.bincount(nearest, minlength=len(centres)).to(patches)
        sums = torch.zeros_like(centres).index_add_(0, nearest, patches)
        used = counts > 0
        centres[used] = sums[used] / counts[used, None]
    return centres
