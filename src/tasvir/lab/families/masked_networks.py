"""Networks whose output for a number sees only the numbers before it, by masks and shifts.

Points: MADE, a perceptron with masked matrices (Germain et al. 2015). Pictures: gated convolutions in two
stacks, one of the rows above and one along the row, which leaves no blind spot (van den Oord et al. 2016b).
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, silu

SPREADS = (1, 2, 4)
"""Dilations of the convolutions, in turn."""


class RowNetwork(nn.Module):
    """Laws of all numbers at once: rows [B, R, L] -> [B, R, L, outputs].

    In two parts, so that sampling a row looks at the rows above it only once.
    """

    @abstractmethod
    def above(self, rows: Tensor) -> list[Tensor]:
        """What each row is told of those above it, [B, ..., R, L] each; its own numbers do not matter."""

    @abstractmethod
    def along(self, rows: Tensor, told: list[Tensor]) -> Tensor:
        """The laws of rows out of their own numbers and what they are told of those above."""

    def forward(self, rows: Tensor) -> Tensor:
        """See the class."""
        return self.along(rows, self.above(rows))

    def next_row(self, rows: Tensor, row: int, kept: dict[int, Tensor]) -> list[Tensor]:
        """What `above` tells one row of rows [B, R, L] that are filled up to it.

        Args:
            rows: What stands in the row and below it does not matter.
            row: Which; they are asked for one after another.
            kept: What the rows before left behind; give an empty one to the first.
        """
        return [told[..., row : row + 1, :] for told in self.above(rows[:, : row + 1])]

    def next_law(self, row: Tensor, column: int, told: list[Tensor], kept: dict[int, Tensor]) -> Tensor:
        """The law of one number in a row [B, 1, L] that is filled up to it: [B, outputs].

        Args:
            row: What stands at the column and behind it does not matter.
            column: Which number; they are asked for one after another.
            told: What `next_row` says of the row.
            kept: What the columns before left behind; give an empty one to the first.
        """
        return self.along(row, told)[:, 0, column]


class MaskedLinear(nn.Linear):
    """A linear layer of which only the weights under a mask [out, in] count."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in] -> [B, out]."""
        return linear(x, self.weight * self.mask, self.bias)


class Made(RowNetwork):
    """MADE for one row of numbers; hidden unit h sees the first m(h) of them.

    Args:
        size: L.
        outputs: Numbers that tell one law.
        width: Hidden units a layer.
        depth: Hidden layers.
    """

    def __init__(self, size: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.outputs = outputs
        place = torch.arange(size)
        sees = torch.arange(width) % max(size - 1, 1) + 1
        self.enter = MaskedLinear(sees[:, None] > place)
        self.hidden = nn.ModuleList(MaskedLinear(sees[:, None] >= sees) for _ in range(depth - 1))
        self.leave = MaskedLinear((place[:, None] >= sees).repeat_interleave(outputs, 0))

    def above(self, rows: Tensor) -> list[Tensor]:
        """See `RowNetwork.above`: there are none."""
        return []

    def along(self, rows: Tensor, told: list[Tensor]) -> Tensor:
        """See `RowNetwork.along`."""
        hidden = self.enter(rows[:, 0])
        for layer in self.hidden:
            hidden = hidden + layer(silu(hidden))
        laws: Tensor = self.leave(silu(hidden)).reshape(*rows.shape, self.outputs)
        return laws


class CausalLayer(nn.Module):
    """One layer of both stacks: of the rows above, and along the row."""

    def __init__(self, width: int, spread: int) -> None:
        super().__init__()
        self.spread = spread
        self.down = nn.Conv2d(width, 2 * width, (2, 3), dilation=spread)
        self.across = nn.Conv2d(2 * width, 2 * width, 1)
        self.right = nn.Conv2d(width, 2 * width, (1, 2), dilation=spread)
        self.leave = nn.Conv2d(width, width, 1)

    def above(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, width, R, L] -> the next of it, and what the row is told."""
        found = self.down(pad(x, (self.spread, self.spread, self.spread, 0)))
        return x + gated(found), self.across(found)

    def along(self, x: Tensor, told: Tensor) -> Tensor:
        """[B, width, R, L] -> the next of it."""
        changed: Tensor = self.leave(gated(self.right(pad(x, (self.spread, 0, 0, 0))) + told))
        return x + changed


class PixelCnn(RowNetwork):
    """A gated PixelCNN; colours are read as so many times more columns.

    Args:
        outputs: Numbers that tell one law.
        width: Channels.
        depth: Layers.
    """

    def __init__(self, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.above_in = nn.Conv2d(2, width, (3, 5))
        self.along_in = nn.Conv2d(2, width, (1, 3))
        self.layers = nn.ModuleList(CausalLayer(width, SPREADS[i % len(SPREADS)]) for i in range(depth))
        self.leave = nn.Conv2d(width, outputs, 1)

    def above(self, rows: Tensor) -> list[Tensor]:
        """See `RowNetwork.above`."""
        x = self.above_in(pad(framed(rows), (2, 2, 3, -1)))  # three rows above, its own cut off
        told = []
        for layer in self.layers:
            assert isinstance(layer, CausalLayer)
            x, passed = layer.above(x)
            told.append(passed)
        return told

    def along(self, rows: Tensor, told: list[Tensor]) -> Tensor:
        """See `RowNetwork.along`."""
        x = self.along_in(pad(framed(rows), (3, -1, 0, 0)))
        for layer, passed in zip(self.layers, told, strict=True):
            assert isinstance(layer, CausalLayer)
            x = layer.along(x, passed)
        found: Tensor = self.leave(silu(x)).permute(0, 2, 3, 1)
        return found

    def next_row(self, rows: Tensor, row: int, kept: dict[int, Tensor]) -> list[Tensor]:
        """See `RowNetwork.next_row`: of each layer only the new row, out of those that are kept."""
        begin = max(row - 3, 0)  # what above_in sees
        x = self.above_in(pad(framed(rows[:, begin : row + 1]), (2, 2, 3, -1)))[:, :, -1:]
        told = []
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, CausalLayer)
            before = kept.setdefault(number, x.new_zeros(*x.shape[:2], *rows.shape[1:]))
            before[:, :, row : row + 1] = x
            found, passed = layer.above(before[:, :, max(row - layer.spread, 0) : row + 1])
            x = found[:, :, -1:]
            told.append(passed[:, :, -1:])
        return told

    def next_law(self, row: Tensor, column: int, told: list[Tensor], kept: dict[int, Tensor]) -> Tensor:
        """See `RowNetwork.next_law`: of each layer only the new column, out of those that are kept."""
        begin = max(column - 3, 0)  # what along_in sees
        seen = pad(framed(row[..., begin : column + 1]), (3, -1, 0, 0))
        x = self.along_in(seen)[..., -1:]
        for number, (layer, passed) in enumerate(zip(self.layers, told, strict=True)):
            assert isinstance(layer, CausalLayer)
            before = kept.setdefault(number, x.new_zeros(*x.shape[:3], row.shape[2]))
            before[..., column : column + 1] = x
            window = slice(max(column - layer.spread, 0), column + 1)
            x = layer.along(before[..., window], passed[..., window])[..., -1:]
        found: Tensor = self.leave(silu(x))[:, :, 0, 0]
        return found


def framed(rows: Tensor) -> Tensor:
    """[B, R, L] -> [B, 2, R, L]: numbers, and ones, which tell a border from a number that is 0."""
    return torch.stack((rows, torch.ones_like(rows)), 1)


def gated(x: Tensor) -> Tensor:
    """tanh(a) sigmoid(b) of both halves of the channels."""
    a, b = x.chunk(2, 1)
    return a.tanh() * b.sigmoid()
