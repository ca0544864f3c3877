"""The energy-based model: a network tells how unlikely, and chains of Langevin steps draw by it.

p(x) = exp(-E(x)) / Z, E(x) = f(x) + |x|^2 / (2 r^2), so that Z is finite. The slope of -log p is that of E
at data less that at the model's own draws (contrastive divergence, Hinton 2002), which come from chains kept
from step to step (Tieleman 2008): x <- x - eps^2 / 2 grad E + eps noise.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.base import Family
from tasvir.lab.families.networks import perceptron

FRESH = 0.05
"""Share of the chains that begin anew at each step of training."""
CALM = 1e-3
"""Weight of E^2 in the loss: energies are free but for a constant, and are kept from running away."""
CELLS = 600
"""Of the grid a side, on which the normaliser in the plane is summed; errors are against half as many."""
REACH = 6.0
"""How far the grid goes, in r: the Gaussian beyond holds some 1e-8."""

Energy = Callable[[Tensor], Tensor]


class EnergyNetwork(nn.Module):
    """f(x) + |x|^2 / (2 r^2), [N] of [N, D]; holds the chains.

    The chains are kept as the bits of their numbers: the loop averages real numbers as it does weights, and
    an average of states is none.
    """

    bits: Tensor

    def __init__(self, size: int, width: int, chains: int, radius: float) -> None:
        super().__init__()
        self.body, self.radius = perceptron(size, width, width, width, 1), radius
        self.register_buffer("bits", (radius * torch.randn(chains, size)).view(torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        """Energies."""
        found: Tensor = self.body(x).squeeze(1) + x.square().sum(1) / (2 * self.radius**2)
        return found

    @property
    def chains(self) -> Tensor:
        """[chains, D]: the memory of `bits` read as numbers; writing here writes there."""
        return self.bits.view(torch.float32)


def slope(energy: Energy, x: Tensor, most: float | None = None) -> tuple[Tensor, Tensor]:
    """E [N] and its gradient [N, D], each example's clipped to the norm ``most``."""
    at = x.detach().requires_grad_()
    with torch.enable_grad():
        found = energy(at)
        (gradient,) = torch.autograd.grad(found.sum(), at)
    if most is not None:
        gradient = gradient * (most / gradient.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
    return found.detach(), gradient


def langevin(
    energy: Energy, x: Tensor, steps: int, eps: float, generator: torch.Generator, most: float | None = None
) -> Tensor:
    """Unadjusted steps; the law at their end is exp(-E) but for an error of order eps^2."""
    for _ in range(steps):
        noise = torch.randn(x.shape, generator=generator)
        x = x - eps**2 / 2 * slope(energy, x, most)[1] + eps * noise
    return x


def adjusted_langevin(
    energy: Energy, x: Tensor, steps: int, eps: float, generator: torch.Generator, most: float | None = None
) -> tuple[Tensor, float]:
    """The same steps as proposals of Metropolis and Hastings: exp(-E) is kept exactly; and the share taken.

    Roberts and Tweedie 1996. A step is taken with probability min(1, p(y) q(x | y) / (p(x) q(y | x))).
    """
    now, gradient = slope(energy, x, most)
    taken = 0.0
    for _ in range(steps):
        noise = torch.randn(x.shape, generator=generator)
        chance = torch.rand(len(x), generator=generator)
        there = x - eps**2 / 2 * gradient + eps * noise
        then, back = slope(energy, there, most)
        forth = (there - x + eps**2 / 2 * gradient).square().sum(1)
        home = (x - there + eps**2 / 2 * back).square().sum(1)
        ratio = now - then + (forth - home) / (2 * eps**2)
        moved = chance.log() < ratio
        x, gradient = torch.where(moved[:, None], there, x), torch.where(moved[:, None], back, gradient)
        now = torch.where(moved, then, now)
        taken += float(moved.float().mean()) / steps
    return x, taken


def log_normaliser(energy: Energy, reach: float, cells: int) -> float:
    """log of the integral of exp(-E) over the square of +-reach, by midpoints of cells x cells."""
    side = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 2 * reach - reach
    grid = torch.cartesian_prod(side, side).float()
    log = torch.cat([-energy(part).double() for part in grid.split(2**16)]).logsumexp(0)
    return float(log) + 2 * math.log(2 * reach / cells)


class EnergyFamily(Family):
    """A network of energies, sampled by chains; its likelihood lacks a constant, found in the plane alone.

    Args:
        width: Of the three layers.
        chains: Kept while learning, each a state of the model's law.
        steps: Of Langevin between two steps of learning; None = 10 for points, 20 for pictures.
        eps: Of a Langevin step, in deviations of the data; None = 0.1 for points, 0.13 for pictures.
        noise: Added to the data while learning, in their deviations: pictures lie on levels, and no chain
            could move in a law so narrow. A sample is its mean under what noise may be in it (Tweedie's
            formula). None = none for points, 0.2 for pictures.
        clip: Largest norm of a gradient in a chain; None = none for points, 100 for pictures.
        sample_steps: Of a chain from noise to a sample; None = 500 for points, 1000 for pictures.
        adjusted: Whether steps to a sample are accepted by Metropolis and Hastings.

    Raises:
        SettingError: A number out of its range.
    """

    name = "energy"
    source = "LeCun et al. 2006; Xie et al. 2016; Du and Mordatch 2019; thesis 2.2.5"
    lr = 1e-3

    network: EnergyNetwork

    def __init__(
        self,
        width: int = 128,
        chains: int = 2048,
        steps: int | None = None,
        eps: float | None = None,
        noise: float | None = None,
        clip: float | None = None,
        sample_steps: int | None = None,
        adjusted: bool = True,
    ) -> None:
        counts = {"width": width, "chains": chains, "steps": steps, "sample_steps": sample_steps}
        for name, whole in counts.items():
            if whole is not None and whole < 1:
                raise SettingError(f"{name} is {whole}: give 1 or more")
        for name, value in {"eps": eps, "clip": clip}.items():
            if value is not None and not value > 0:
                raise SettingError(f"{name} is {value}: give a number above 0")
        if noise is not None and not noise >= 0:
            raise SettingError(f"noise is {noise}: give 0 or more")
        self.width, self.chains, self.steps, self.sample_steps = width, chains, steps, sample_steps
        self.eps, self.noise, self.clip, self.adjusted = eps, noise, clip, adjusted

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`."""
        points = data.kind == "points"
        self.shape, self.size = data.shape, math.prod(data.shape)
        self.length = (self.eps or (0.1 if points else 0.13)) * data.deviation
        share = (0.0 if points else 0.2) if self.noise is None else self.noise
        self.blur = share * data.deviation
        self.moves = self.steps or (10 if points else 20)
        self.most = self.clip or (None if points else 100.0)
        self.walk = self.sample_steps or (500 if points else 1000)
        self.no_likelihood = (
            None
            if data.shape == (2,)
            else f"its energy is a log-density but for a constant, an integral over {self.size} numbers"
        )
        return EnergyNetwork(self.size, self.width, self.chains, 2 * data.deviation)

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """E at the data less E at as many chains, moved on first."""
        chains = self.network.chains
        true = x.flatten(1) + self.blur * torch.randn(len(x), self.size, generator=generator)
        chosen = torch.randperm(len(chains), generator=generator)[: len(true)]
        begun = chains[chosen]
        anew = torch.rand(len(begun), 1, generator=generator) < FRESH
        begun = torch.where(anew, self._start(len(begun), generator), begun)
        drawn = langevin(self.network, begun, self.moves, self.length, generator, self.most)
        chains[chosen] = drawn
        low, high = self.network(true), self.network(drawn)
        gap = low.mean() - high.mean()
        loss = gap + CALM * (low.square().mean() + high.square().mean())
        return loss, {"loss": loss.item(), "gap": gap.item()}

    def sample(self, n: int, seed: int) -> Sampled:
        """See `Family.sample`: chains from noise, one run of the network and its gradient a step."""
        began, generator = time.perf_counter(), torch.Generator().manual_seed(seed)
        x = self._start(n, generator)
        if self.adjusted:
            x, self.taken = adjusted_langevin(self.network, x, self.walk, self.length, generator, self.most)
        else:
            x = langevin(self.network, x, self.walk, self.length, generator, self.most)
        runs = self.walk + int(self.adjusted)
        if self.blur > 0:
            x, runs = x - self.blur**2 * slope(self.network, x)[1], runs + 1
        return Sampled(x.reshape(n, *self.shape), runs, time.perf_counter() - began)

    @torch.no_grad()
    def log_prob(self, x: Tensor, seed: int = 0) -> Bound | None:
        """-E(x) - log Z in the plane, Z summed on a grid; the error is what half as many cells change."""
        if self.no_likelihood is not None:
            return None
        reach = REACH * self.network.radius
        fine = log_normaliser(self.network, reach, CELLS)
        off = abs(fine - log_normaliser(self.network, reach, CELLS // 2))
        nats = -self.network(x.float()).double() - fine
        return Bound(nats, exact=True, error=torch.full((len(x),), off, dtype=torch.float64))

    def _start(self, n: int, generator: torch.Generator) -> Tensor:
        return self.network.radius * torch.randn(n, self.size, generator=generator)
