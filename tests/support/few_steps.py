"""What tests of few-step models share: data in a plane whose means are known, exact networks, a tiny loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.network_denoiser import Preconditioning
from tasvir.lab.distances import energy_distance

CENTRE, SPREAD = 1.0, 0.2
"""Two lumps of this standard deviation, on the diagonal at +-(centre, centre)."""


def two_lumps(n: int = 4000) -> Data:
    """Points of two Gaussian lumps."""
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (2 * n, 1), generator=generator) * 2.0 - 1.0
    points = CENTRE * signs + SPREAD * torch.randn(2 * n, 2, generator=generator)
    return Data("lumps", "points", points[:n], points[n:])


def mean_of(x: Tensor, ratio: Tensor) -> Tensor:
    """E[x_0 | x] of the two lumps under noise of r [B]; by hand: a logistic choice between two lines."""
    variance = (SPREAD**2 + ratio**2)[:, None].to(x)
    tilt = torch.tanh(CENTRE * x.sum(1, keepdim=True) / variance)
    return (SPREAD**2 * x + ratio[:, None].to(x) ** 2 * CENTRE * tilt) / variance


def exact_network(
    function: Callable[[Tensor, Tensor], Tensor], preconditioning: Preconditioning
) -> nn.Module:
    """The network F that makes skip x + out F(in x, log(r) / 4) a given function of (x, r)."""

    class Exact(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.nothing = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
            ratio = torch.exp(4 * noise)
            before, skip, out = (
                one[:, None] for one in preconditioning.factors(torch.ones_like(ratio), ratio)
            )
            whole = x / before
            return (function(whole, ratio) - skip * whole) / out + self.nothing

    return Exact()


def learn(model: Model, data: Data, steps: int, lr: float = 3e-3, batch: int = 128) -> None:
    """A few hundred steps of Adam, the rate falling to nothing."""
    generator = torch.Generator().manual_seed(1)
    wanted = [one for one in model.network.parameters() if one.requires_grad]
    optimizer = torch.optim.Adam(wanted, lr=lr, fused=True)
    fall = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, steps)
    for _ in range(steps):
        chosen = torch.randint(len(data.train), (batch,), generator=generator)
        loss = model.loss(data.train[chosen], None, generator).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(wanted, 1.0)
        optimizer.step()
        fall.step()


def distance(x: Tensor, data: Data) -> float:
    """Energy distance of samples to examples that were held out."""
    return energy_distance(x, data.test[: len(x)]).value
