"""A law of tokens as a table of all sequences: posteriors, the chain back and its bound by enumeration.

With K values and L tokens there are K^L sequences; up to some ten thousand of them everything about discrete
diffusion is a finite sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.discrete.kernels import Kernel

MOST = 20_000


class TableLaw:
    """Probabilities of all sequences.

    Args:
        table: [K] * L, not negative; scaled to sum to 1.

    Raises:
        SettingError: Axes of different length, negative entries, or more than `MOST` sequences.
    """

    def __init__(self, table: Tensor) -> None:
        if table.numel() > MOST or len(set(table.shape)) != 1 or float(table.min()) < 0:
            raise SettingError(
                f"a table of shape {tuple(table.shape)}: axes must be equally long, entries not negative, "
                f"and there must be at most {MOST} of them"
            )
        self.table = table.double() / table.double().sum()
        self.values, self.length = table.shape[0], table.ndim
        grid = torch.cartesian_prod(*[torch.arange(self.values)] * self.length)
        self.sequences = grid.reshape(-1, self.length)
        """Every sequence, [K^L, L], in the order of the flattened table."""

    def entropy(self) -> float:
        """Nats of a sequence."""
        return float(torch.special.entr(self.table).sum())

    def reached(self, kernel: Kernel, x: Tensor, t: int) -> Tensor:
        """q(x_t = x | x_0) for every x_0: x [N, L] -> [N, K^L]."""
        each = kernel.whole[t][: kernel.values][:, x]  # [K, N, L]
        return torch.stack([each[self.sequences[:, i], :, i] for i in range(self.length)]).prod(0).T

    def posterior(self, kernel: Kernel, x: Tensor, t: int) -> Tensor:
        """p(x_0 | x_t = x) of whole sequences: [N, K^L]."""
        joint = self.reached(kernel, x, t) * self.table.flatten()
        return joint / joint.sum(1, keepdim=True)

    def tell(self, kernel: Kernel, x: Tensor, t: int) -> Tensor:
        """p(x_0 = i | x_t = x) of every token, what a perfect network tells: [N, L, S]."""
        shares = self.posterior(kernel, x, t)
        each = torch.zeros(len(x), self.length, kernel.states, dtype=torch.float64)
        for i in range(self.length):
            each[:, i].index_add_(1, self.sequences[:, i], shares)
        return each

    def back(self, kernel: Kernel, x: Tensor, t: int, wanted: Tensor) -> Tensor:
        """The exact q(x_{t-1} = wanted | x_t = x) of whole sequences: [N, L], [M, L] -> [N, M]."""
        before = self.reached(kernel, wanted, t - 1) @ self.table.flatten()
        step = kernel.single[t - 1][wanted[None, :, :], x[:, None, :]].prod(2)
        joint = before * step
        return joint / joint.sum(1, keepdim=True)


def all_states(states: int, length: int) -> Tensor:
    """Every sequence of so many states, [S^L, L]."""
    return torch.cartesian_prod(*[torch.arange(states)] * length).reshape(-1, length)


def kl(one: Tensor, other: Tensor) -> float:
    """KL divergence of two tables in nats; infinite where ``other`` rules out what happens."""
    happens = one > 0
    if bool((other[happens] == 0).any()):
        return math.inf
    return float((one[happens] * (one[happens].log() - other[happens].log())).sum())


def shares_of(sequences: Tensor, values: int) -> Tensor:
    """How often each sequence came, as a flattened table: [N, L] -> [K^L]."""
    weights: Sequence[int] = [values**i for i in range(sequences.shape[1] - 1, -1, -1)]
    index = (sequences * torch.tensor(weights)).sum(1)
    return torch.bincount(index, minlength=values ** sequences.shape[1]).double() / len(sequences)
