"""Transition matrices of discrete diffusion (Hoogeboom et al. 2021; Austin et al. 2021, D3PM).

A token moves by q(x_t = j | x_{t-1} = i) = Q_t[i, j], each token for itself; Q_1 ... Q_t is one matrix again,
so q(x_t | x_0) is a row of it. All in float64: the product of a thousand matrices must keep its rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tasvir.errors import SettingError, UnknownNameError


class Kernel:
    """A chain of transition matrices over S states.

    Args:
        values: K, the tokens of the data; the states are these and perhaps a mask, the last.
        single: Q_1 ... Q_T, [T, S, S], rows that sum to 1.
        resting: p(x_T), [S]: where the chain back begins.

    Raises:
        SettingError: Rows that do not sum to 1, or an end far from ``resting``.
    """

    def __init__(self, values: int, single: Tensor, resting: Tensor) -> None:
        self.values, self.single, self.resting = values, single.double(), resting.double()
        if not torch.allclose(self.single.sum(2), torch.ones((), dtype=torch.float64)):
            raise SettingError("rows of a transition matrix must sum to 1")
        whole = [torch.eye(self.states, dtype=torch.float64)]
        for matrix in self.single:
            whole.append(whole[-1] @ matrix)
        self.whole = torch.stack(whole)
        """Q_1 ... Q_t at index t, from t = 0; [T + 1, S, S]."""
        away = float((self.whole[-1, : self.values] - self.resting).abs().sum(1).max() / 2)
        if away > 0.05:
            raise SettingError(
                f"after {self.steps} steps tokens still tell their beginning (total variation {away:.2f}): "
                "take a schedule that noises more"
            )

    @property
    def states(self) -> int:
        """S, the tokens and perhaps a mask."""
        return int(self.single.shape[-1])

    @property
    def steps(self) -> int:
        """T."""
        return len(self.single)

    def between(self, early: int, late: int) -> Tensor:
        """q(x_late | x_early) as a matrix, [S, S]."""
        matrix = torch.eye(self.states, dtype=torch.float64)
        for one in self.single[early:late]:
            matrix = matrix @ one
        return matrix

    def noised(self, x0: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
        """x_t out of x_0 [B, L] at times [B] from 1 to T."""
        rows = self.whole.to(x0.device)[t[:, None], x0]
        return draw(rows, generator)

    def posterior(self, x: Tensor, early: Tensor, late: Tensor, belief: Tensor) -> Tensor:
        """p(x_early | x_late) under a belief p(x_0): sum_i p(i) q(x_early | x_late, x_0 = i).

        With p(x_0) the true posterior it is the exact reverse transition of a token; with p(x_0) a certainty
        it is q(x_{t-1} | x_t, x_0) (Austin et al. 2021, equation 3). What x_late rules out gets no share.

        Args:
            x: x_late, [B, L].
            early: Times, [B], below ``late``.
            late: Times, [B].
            belief: p(x_0), [B, L, S].

        Returns:
            [B, L, S], rows that sum to 1.
        """
        whole = self.whole.to(x.device)
        times, which = torch.stack([early, late], 1).unique(dim=0, return_inverse=True)
        steps = torch.stack([self.between(*pair) for pair in times.tolist()]).to(x.device)[which]
        here = _column(steps, x)  # q(x_late | x_early = k), [B, L, S]
        reached = _column(whole[late], x)  # q(x_late | x_0 = i)
        weight = torch.where(reached > 0, belief / reached.clamp(min=LEAST), 0.0)
        told = weight @ whole[early] * here
        return told / told.sum(-1, keepdim=True).clamp(min=LEAST)


LEAST = 1e-200
"""In place of 0 where something is divided by it, or its logarithm taken."""


def _column(matrices: Tensor, x: Tensor) -> Tensor:
    """matrices[b, :, x[b, l]] for [B, S, S] and [B, L]: [B, L, S]."""
    return matrices.mT.gather(1, x[..., None].expand(-1, -1, matrices.shape[-1]))


def draw(shares: Tensor, generator: torch.Generator) -> Tensor:
    """One value of each row of probabilities [..., S]: [...] int64."""
    chosen = torch.multinomial(shares.flatten(0, -2), 1, generator=generator)
    return chosen[:, 0].view(shares.shape[:-1])


def apart(one: Tensor, other: Tensor) -> Tensor:
    """KL divergence of probabilities [..., S] in nats: [...]; what ``one`` rules out counts nothing."""
    return (torch.xlogy(one, one) - torch.xlogy(one, other.clamp(min=LEAST))).sum(-1)


def kept(steps: int) -> Tensor:
    """Share of tokens that are not yet noised after 0 ... T steps: cos^2, as iDDPM's (4.32); [T + 1]."""
    time = torch.arange(steps + 1, dtype=torch.float64) / steps
    share = torch.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2
    return (share / share[0]).clamp(min=0.0)


def uniform(values: int, steps: int) -> Kernel:
    """Multinomial diffusion: with rate beta a token becomes any token (Hoogeboom et al. 2021)."""
    beta = 1 - kept(steps)[1:] / kept(steps)[:-1]
    rest = torch.full((values, values), 1 / values, dtype=torch.float64)
    stay = torch.eye(values, dtype=torch.float64)
    single = (1 - beta)[:, None, None] * stay + beta[:, None, None] * rest
    return Kernel(values, single, rest[0])


def absorbing(values: int, steps: int) -> Kernel:
    """With rate 1 / (T - t + 1) a token becomes the mask, and stays it (Austin et al. 2021)."""
    beta = 1 / torch.arange(steps, 0, -1, dtype=torch.float64)
    stay = torch.eye(values + 1, dtype=torch.float64)
    mask = torch.zeros_like(stay)
    mask[:, values] = 1
    single = (1 - beta)[:, None, None] * stay + beta[:, None, None] * mask
    return Kernel(values, single, mask[0])


def gaussian(values: int, steps: int) -> Kernel:
    """Tokens with an order move to near ones: exp(-4 |i - j|^2 / ((K - 1)^2 beta)) (Austin et al. 2021)."""
    width = max(values - 1, 1)
    beta = torch.linspace(1, steps, steps, dtype=torch.float64) / steps * 60 / steps
    away = torch.arange(values)[:, None] - torch.arange(values)[None]
    every = torch.arange(-width, width + 1)
    shares = torch.exp(-4 * away**2 / (width**2 * beta[:, None, None]))
    single = shares / torch.exp(-4 * every**2 / (width**2 * beta[:, None])).sum(1)[:, None, None]
    single = single * (1 - torch.eye(values, dtype=torch.float64))
    single = single + torch.diag_embed(1 - single.sum(2))
    return Kernel(values, single, torch.full((values,), 1 / values, dtype=torch.float64))


KERNELS: dict[str, Callable[[int, int], Kernel]] = {
    "uniform": uniform,
    "absorbing": absorbing,
    "gaussian": gaussian,
}


def kernel_of(name: str, values: int, steps: int) -> Kernel:
    """A kernel by its name.

    Raises:
        UnknownNameError: No such kernel.
        SettingError: Fewer than 2 values, or no steps.
    """
    if name not in KERNELS:
        raise UnknownNameError(f"no kernel is called {name!r}; known: {', '.join(KERNELS)}")
    if values < 2 or steps < 1:
        raise SettingError(f"{values} values and {steps} steps: take 2 or more and 1 or more")
    return KERNELS[name](values, steps)
