"""Score-based diffusion on the sphere: Brownian motion and geodesic walks back (De Bortoli et al. 2022)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.heat_kernel import HeatTable, moved, tangent
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.own_walk import count_of, finished
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.noising import even
from tasvir.lab.diffusion.samplers.base import Noise, Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise

LEAST, MOST, LEVELS = 1e-3, 6.0, 128
"""tau of the data, where points are moved by 2.6 degrees, and of noise, where 0.3 % of the slowest wave are
left; times that are trained at, evenly in log tau."""

Score = Callable[[Tensor, float], Tensor]
"""(x [B, 3], tau) -> the gradient of log density, [B, 3] in the tangent plane."""


def walked_back(score: Score, x: Tensor, taus: list[float], noise: Noise) -> Tensor:
    """The geodesic random walk of the reverse motion: each step a geodesic of score and fresh noise.

    Args:
        score: Of the law at tau.
        x: [B, 3] on the sphere, at the first tau.
        taus: Falling.
        noise: Standard normal.
    """
    for here, there in pairwise(taus):
        span = here - there
        step = span * score(x, here) + math.sqrt(span) * tangent(x, noise(x))
        x = moved(x, step)
    return x


class SphereModel(Model):
    """A network that tells the score on the sphere.

    Args:
        network: F(x [B, 3], noise [B], None) -> [B, 3]; its tangent part is sqrt(tau) times the score.
        steps: Of a sample, when none are asked for.
    """

    def __init__(self, network: nn.Module, steps: int) -> None:
        self.network, self.steps = network, steps
        times = torch.linspace(math.log(LEAST), math.log(MOST), LEVELS, dtype=torch.float64).exp()
        self.table = HeatTable(times)

    def tell(self, x: Tensor, tau: Tensor) -> Tensor:
        """sqrt(tau) times the score of x [B, 3] at tau [B] float64."""
        told: Tensor = self.network(x, (tau.log() / 4).to(x), None)
        return tangent(x, told)

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: tau |score - that of the heat kernel from the data|^2 / 2, exact draws of it."""
        place = data.device
        which = (even(len(data), generator, place) * LEVELS).long().cpu()
        share = torch.rand(len(data), generator=generator, dtype=torch.float64, device=place).cpu()
        angle, tau = self.table.angles(which, share), self.table.times[which]
        slope = (self.table.slope(which, angle) * tau.sqrt()).to(data)[:, None]
        angle = angle.to(data)[:, None]
        way = tangent(data, torch.randn(data.shape, generator=generator, device=place))
        way = way / way.norm(dim=1, keepdim=True)
        x = moved(data, angle * way)
        outwards = -angle.sin() * data + angle.cos() * way  # away from the start, at x
        error: Tensor = self.tell(x, tau.to(place)) - slope * outwards
        return error.square().sum(1) / 2

    @torch.no_grad()
    def sample(
        self,
        n: int,
        seed: int,
        *,
        sampler: Sampler | None = None,
        steps: int | None = None,
        labels: Tensor | None = None,
    ) -> Sampled:
        """See `Model.sample`: from the uniform law back, tau falling by equal factors.

        Raises:
            SettingError: A sampler or classes, which it does not take, or no steps.
            NotFiniteError: Samples came out as NaN or infinity.
        """
        count = count_of(sampler, steps, labels, self.steps)
        began, noise = time.perf_counter(), gaussian_noise(seed)
        x = noise(torch.empty(n, 3, device=next(self.network.parameters()).device))
        x = x / x.norm(dim=1, keepdim=True)

        def score(x: Tensor, tau: float) -> Tensor:
            return self.tell(x, torch.full((n,), tau, dtype=torch.float64, device=x.device)) / math.sqrt(tau)

        taus = [MOST * (LEAST / MOST) ** (i / count) for i in range(count + 1)]
        return finished(walked_back(score, x, taus, noise), count, began)


class SphereMethod(Method):
    """Denoising score matching with the exact heat kernel of the unit sphere in space."""

    name: ClassVar[str] = "sphere"
    source: ClassVar[str] = "De Bortoli et al. 2022; thesis 4.3.1.7"
    kinds: ClassVar[tuple[Kind, ...]] = ("sphere",)
    no_bound: ClassVar[str | None] = "the flow on the sphere, which has one, is not followed here"

    def model(
        self, data: Data, network: nn.Module | None = None, *, sample_steps: int = 100, **options: Any
    ) -> SphereModel:
        """See `Method.model`.

        Args:
            data: Points on the sphere.
            network: None = a perceptron made with ``options``.
            sample_steps: Of a sample, when none are asked for.
            options: Of `network_for`.
        """
        return SphereModel(network_for(data, **options) if network is None else network, sample_steps)
