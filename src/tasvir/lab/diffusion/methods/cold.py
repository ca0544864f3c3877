"""Cold diffusion: a network undoes a degradation in which nothing is noise (Bansal et al. 2022)."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.degradations import DEGRADATIONS, Degradation, Way, restored
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.own_walk import count_of, finished
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled

Norm = Literal["l1", "l2"]
SYMMETRY = 0.002
"""Deviation of the noise on an even colour, without which all of its pixels would stay alike."""


class ColdNetwork(nn.Module):
    """The restorer, and the law that generation starts from, kept with its weights.

    Args:
        restorer: F(x, noise, labels), told 4 t - 2 as its noise.
        data: Whose mean colours are remembered.
    """

    colours: Tensor

    def __init__(self, restorer: nn.Module, data: Data) -> None:
        super().__init__()
        self.restorer = restorer
        means = data.train.flatten(2).mean(2) if data.kind == "images" else torch.zeros(0, 1)
        known = (
            torch.stack([means.mean(0), means.std(0)]) if len(means) > 1 else torch.zeros(2, data.shape[0])
        )
        self.register_buffer("colours", known)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x_t [B, ...] at t [B] -> guess of x_0."""
        told: Tensor = self.restorer(x, 4 * t.to(x) - 2, None)
        return x + told


class ColdModel(Model):
    """A restorer of one degradation.

    Args:
        network: Which restores.
        shape: Of an example.
        degradation: What it undoes.
        way: improved or naive.
        norm: l1 or l2, of its errors.
        steps: Of a sample, when none are asked for.
    """

    def __init__(
        self,
        network: ColdNetwork,
        shape: tuple[int, ...],
        degradation: Degradation,
        way: Way,
        norm: Norm,
        steps: int,
    ) -> None:
        self.network: ColdNetwork = network
        self.shape, self.degradation, self.way = shape, degradation, way
        self.norm, self.steps = norm, steps

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: the mean error of the restored numbers at even times."""
        t = torch.rand(len(data), generator=generator, device=data.device)
        seed = int(torch.randint(2**62, (), generator=generator, device=data.device))
        end = self._end(data, torch.Generator().manual_seed(seed)).to(data)
        told: Tensor = self.network(self.degradation.apply(data, t, end), t)
        error = (told - data).flatten(1)
        return error.abs().mean(1) if self.norm == "l1" else error.square().mean(1)

    def _end(self, like: Tensor, generator: torch.Generator) -> Tensor:
        return self.degradation.end(torch.empty(like.shape), self.network.colours, generator)

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
        """See `Model.sample`: from the end's law back to t = 0, in even steps.

        Raises:
            SettingError: A sampler or classes, which it does not take, or no steps.
            NotFiniteError: Samples came out as NaN or infinity.
        """
        count = count_of(sampler, steps, labels, self.steps)
        began, generator = time.perf_counter(), torch.Generator().manual_seed(seed)
        place = self.network.colours.device
        end = self._end(torch.empty(n, *self.shape), generator)
        jitter = SYMMETRY * torch.randn(end.shape, generator=generator) if len(self.shape) == 3 else 0.0
        end, x = end.to(place), (end + jitter).to(place)

        times = [1 - i / count for i in range(count + 1)]
        x = restored(self.network, self.degradation, x, end, times, self.way)
        return finished(x, count, began)


class ColdMethod(Method):
    """Undoes interpolation, blur or pixelation by the improved way or the naive one.

    Generation starts from stripes (interpolation; points: a uniform square), or from an even colour of the
    data's mean and deviation with noise of 0.002 (blur, pixelation). Such colours hold little chance, and
    samples vary as little.
    """

    name: ClassVar[str] = "cold"
    source: ClassVar[str] = "Bansal et al. 2022; thesis 4.3.1.2"
    no_bound: ClassVar[str | None] = "its way back is a function, and no density follows it"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        degradation: str = "interpolation",
        way: Way = "improved",
        norm: Norm = "l1",
        sample_steps: int = 50,
        **options: Any,
    ) -> ColdModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            degradation: interpolation; of pictures also blur and pixelation.
            way: improved (algorithm 2) or naive (algorithm 1).
            norm: l1 (published) or l2, of the errors.
            sample_steps: Of a sample, when none are asked for.
            options: Of `network_for`.
        """
        known = tuple(DEGRADATIONS) if data.kind == "images" else ("interpolation",)
        for what, value, allowed in (
            ("degradation", degradation, known),
            ("way", way, get_args(Way)),
            ("norm", norm, get_args(Norm)),
        ):
            if value not in allowed:
                raise SettingError(f"{what} {value!r}: known for {data.kind} are {', '.join(allowed)}")
        restorer = network_for(data, **options) if network is None else network
        made = ColdNetwork(restorer, data)
        return ColdModel(made, data.shape, DEGRADATIONS[degradation](), way, norm, sample_steps)
