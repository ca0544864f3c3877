"""Recurrent autoregressive models: a state carries what came before (thesis 2.2.3).

Pictures are read by two cells: one takes row after row, the other goes along a row and is told what the
first made of the rows above. That is R + L steps in training, not R L, and still the exact law of each pixel.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.errors import UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.families.laws import Law, law_for
from tasvir.lab.families.sequential import SequentialFamily, as_rows, check_size, from_rows, row_shape

CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentNetwork(nn.Module):
    """Laws of all numbers at once: rows [B, R, L] -> [B, R, L, outputs].

    Args:
        cell: A name of `CELLS`.
        columns: L.
        outputs: Numbers that tell one law.
        width: Of a state.
    """

    def __init__(self, cell: str, columns: int, outputs: int, width: int) -> None:
        super().__init__()
        self.rows = CELLS[cell](columns, width, batch_first=True)
        self.columns = CELLS[cell](width + 2, width, batch_first=True)
        self.leave = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs))

    def forward(self, rows: Tensor) -> Tensor:
        """See the class."""
        above = nn.functional.pad(rows, (0, 0, 1, -1))
        left = nn.functional.pad(rows, (1, -1))
        context = self.rows(above)[0][:, :, None].expand(-1, -1, rows.shape[2], -1)
        given = torch.cat((left[..., None], above[..., None], context), 3)
        hidden = self.columns(given.flatten(0, 1))[0]
        told: Tensor = self.leave(hidden).unflatten(0, rows.shape[:2])
        return told

    def draw(self, rows: Tensor, law: Law, generator: torch.Generator) -> None:
        """Fill rows [B, R, L] with draws, one step of a cell at a time."""
        above, row_state = torch.zeros_like(rows[:, :1]), None
        for row in range(rows.shape[1]):
            context, row_state = self.rows(above, row_state)
            left, column_state = torch.zeros_like(above[..., :1]), None
            for column in range(rows.shape[2]):
                given = torch.cat((left, above[..., column : column + 1], context), 2)
                hidden, column_state = self.columns(given, column_state)
                rows[:, row, column] = law.draw(self.leave(hidden[:, 0]), generator)
                left = rows[:, row : row + 1, column : column + 1]
            above = rows[:, row : row + 1]


class AutoregressiveRnnFamily(SequentialFamily):
    """Recurrent cells, GRU or LSTM, that go along the numbers; exact likelihood.

    Args:
        cell: gru or lstm.
        width: Of a state.

    Raises:
        UnknownNameError: Another cell.
        SettingError: A width below 1.
    """

    name: ClassVar[str] = "autoregressive-rnn"
    source: ClassVar[str] = "Hochreiter and Schmidhuber 1997; Cho et al. 2014; thesis 2.2.3"

    network: RecurrentNetwork

    def __init__(self, cell: str = "gru", width: int = 128) -> None:
        if cell not in CELLS:
            raise UnknownNameError(f"no cell is called {cell!r}; known: {', '.join(CELLS)}")
        check_size("width", width)
        self.cell, self.width = cell, width

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`."""
        self.settle(data)
        self.shape, self.law = data.shape, law_for(data)
        return RecurrentNetwork(self.cell, row_shape(data.shape)[1], self.law.outputs, self.width)

    def nats(self, x: Tensor) -> Tensor:
        """See `SequentialFamily.nats`."""
        rows = as_rows(x)
        return self.law.log_prob(self.network(rows), rows).flatten(1).sum(1)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, int]:
        """See `SequentialFamily.draw`: one step for each number; that of a row goes with its first."""
        rows = torch.zeros(n, *row_shape(self.shape))
        self.network.draw(rows, self.law, generator)
        return from_rows(rows, self.shape), rows[0].numel()
