"""Autoregressive models by masks: all conditionals at once, samples number after number (thesis 2.2.3)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.data.base import Data
from tasvir.lab.families.laws import law_for
from tasvir.lab.families.masked_networks import Made, PixelCnn, RowNetwork
from tasvir.lab.families.sequential import SequentialFamily, as_rows, check_size, from_rows, row_shape


class AutoregressiveFamily(SequentialFamily):
    """Masked networks: MADE for points, a gated PixelCNN for pictures; exact likelihood.

    Args:
        width: Hidden units or channels; None = 128 for points, 32 for pictures.
        depth: Layers; None = 3 for points, 6 for pictures.

    Raises:
        SettingError: A size below 1.
    """

    name: ClassVar[str] = "autoregressive"
    source: ClassVar[str] = "Germain et al. 2015; van den Oord et al. 2016; thesis 2.2.3"

    network: RowNetwork

    def __init__(self, width: int | None = None, depth: int | None = None) -> None:
        for name, size in (("width", width), ("depth", depth)):
            if size is not None:
                check_size(name, size)
        self.width, self.depth = width, depth

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`."""
        self.settle(data)
        self.shape, self.law = data.shape, law_for(data)
        if data.kind == "points":
            return Made(data.shape[0], self.law.outputs, self.width or 128, self.depth or 3)
        return PixelCnn(self.law.outputs, self.width or 32, self.depth or 6)

    def nats(self, x: Tensor) -> Tensor:
        """See `SequentialFamily.nats`."""
        rows = as_rows(x)
        return self.law.log_prob(self.network(rows), rows).flatten(1).sum(1)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, int]:
        """See `SequentialFamily.draw`: one run for each number; the look above goes with a row's first."""
        rows = torch.zeros(n, *row_shape(self.shape))
        above: dict[int, Tensor] = {}
        for row in range(rows.shape[1]):
            told, before = self.network.next_row(rows, row, above), dict[int, Tensor]()
            for column in range(rows.shape[2]):
                law = self.network.next_law(rows[:, row : row + 1], column, told, before)
                rows[:, row, column] = self.law.draw(law, generator)
        return from_rows(rows, self.shape), rows[0].numel()
