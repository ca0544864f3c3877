"""What families share that draw number after number: p(x) = prod_i p(x_i | x_1 ... x_{i-1}), exactly.

Training is by maximum likelihood of all numbers at once; sampling takes as many runs of the network as there
are numbers. Pictures go row by row, left to right, a pixel's channels side by side.
"""

from __future__ import annotations

import time
from abc import abstractmethod

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.bits import bits_per_dimension
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.base import Family

TOGETHER = 256
"""Examples whose likelihood is found at once."""
PICTURES = 64
"""Examples a step where they are pictures, whose numbers each take a law."""


class SequentialFamily(Family):
    """A family whose likelihood is a product of conditionals."""

    levels: int | None

    @abstractmethod
    def nats(self, x: Tensor) -> Tensor:
        """Log-likelihood [B] of examples, with gradients to the network."""

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, int]:
        """n examples, and how often a network was run for them."""

    def settle(self, data: Data) -> None:
        """Keep what must be known of the data; smaller batches of pictures."""
        self.levels = data.levels
        if data.kind == "images":
            self.batch = PICTURES

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """See `Family.loss`: nats a number."""
        loss = -self.nats(x).mean() / x[0].numel()
        return loss, {"loss": float(loss.detach())}

    @torch.no_grad()
    def log_prob(self, x: Tensor, seed: int = 0) -> Bound | None:
        """See `Family.log_prob`: exact, with bits a dimension where the data have levels."""
        if self.no_likelihood is not None:
            return None
        nats = torch.cat([self.nats(part).double() for part in x.split(TOGETHER)])
        bits = None if self.levels is None else bits_per_dimension(nats, x[0].numel())
        return Bound(nats, exact=True, bits_per_dimension=bits)

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Sampled:
        """See `Family.sample`: one run of the network for each number.

        Raises:
            NotFiniteError: The network gave NaN or infinity.
        """
        began = time.perf_counter()
        x, evaluations = self.draw(n, torch.Generator().manual_seed(seed))
        return Sampled(x, evaluations, time.perf_counter() - began)


def as_rows(x: Tensor) -> Tensor:
    """[B, D] -> [B, 1, D]; [B, C, H, W] -> [B, H, W * C]: numbers in the order that they are told in."""
    return x[:, None] if x.ndim == 2 else x.permute(0, 2, 3, 1).flatten(2)


def from_rows(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The way back; shape of one example."""
    if len(shape) == 1:
        return rows[:, 0]
    pixels: Tensor = rows.unflatten(2, (shape[2], shape[0]))
    return pixels.permute(0, 3, 1, 2).contiguous()


def row_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """(rows, numbers a row) of examples of a shape."""
    return (1, shape[0]) if len(shape) == 1 else (shape[1], shape[2] * shape[0])


def check_size(name: str, value: int) -> None:
    """See that a size is a whole number from 1 on.

    Raises:
        SettingError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(f"{name} is {value}: give a whole number from 1 on")
