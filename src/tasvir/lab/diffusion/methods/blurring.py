"""Blurring diffusion: coarse things last longer than fine ones (Hoogeboom and Salimans 2022)."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.blurred_steps import Blurring
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.own_walk import count_of, finished
from tasvir.lab.diffusion.network_denoiser import NOISE_RANGE
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.coupled import times_of
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise
from tasvir.lab.diffusion.schedules.base import shaped
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule

END = 1e-3
"""Least time at which the network is asked."""


class BlurringModel(Model):
    """A network that tells the noise in blurred and noisy pictures.

    Args:
        network: F(x, noise, labels) -> v = alpha eps - sigma B x_0, B the blur at t. The paper's tells eps
            itself, whose errors the first steps divide by alpha.
        shape: Of a picture.
        blurring: How they are blurred and noised.
        steps: Of a sample, when none are asked for.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...], blurring: Blurring, steps: int) -> None:
        self.network, self.shape, self.blurring, self.steps = network, shape, blurring, steps

    def tell(self, x: Tensor, t: Tensor) -> Tensor:
        """v out of x_t [B, ...] at times [B]."""
        noise = (-self.blurring.schedule.half_log_snr(t.double()) / 4).clamp(*NOISE_RANGE).to(x)
        told: Tensor = self.network(x, noise, None)
        return told

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: squared error of v, the same in pixels and in frequencies."""
        schedule = self.blurring.schedule
        t = times_of(schedule, len(data), generator, data.device)
        eps = torch.randn(data.shape, generator=generator, device=data.device)
        x = self.blurring.noised(data, t, eps)
        alpha, sigma = (shaped(one(t), data) for one in (schedule.alpha, schedule.sigma))
        v = (eps - sigma * x) / alpha  # as x = alpha B x_0 + sigma eps and alpha^2 + sigma^2 = 1
        return (self.tell(x, t) - v).square().flatten(1).mean(1)

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
        """See `Model.sample`: ancestral steps of every frequency.

        Raises:
            SettingError: A sampler or classes, which it does not take, or no steps.
            NotFiniteError: Samples came out as NaN or infinity.
        """
        schedule = self.blurring.schedule
        grid = path(schedule, count_of(sampler, steps, labels, self.steps), "time", end=END)
        began, noise = time.perf_counter(), gaussian_noise(seed)
        like = torch.empty((n, *self.shape), device=next(self.network.parameters()).device)
        x = noise(like) * schedule.prior_deviation()
        for here, there in grid.steps:
            v = self.tell(x, torch.full((n,), here.t, dtype=torch.float64, device=x.device))
            eps = here.sigma * x + here.alpha * v
            x = self.blurring.back(x, eps, here, there, noise(x))
        return finished(x, len(grid.steps), began)


class BlurringMethod(Method):
    """v of pictures that blur as they fade."""

    name: ClassVar[str] = "blurring"
    source: ClassVar[str] = "Hoogeboom and Salimans 2022; thesis 4.3.1.1"
    kinds: ClassVar[tuple[Kind, ...]] = ("images",)
    no_bound: ClassVar[str | None] = "the bounds here know one alpha for all frequencies"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        blur: float = 2.0,
        sample_steps: int = 200,
        **options: Any,
    ) -> BlurringModel:
        """See `Method.model`.

        Args:
            data: Pictures.
            network: None = one made with ``options``.
            blur: Standard deviation of the blur at the end, pixels; 0 = none, which is the VP model.
            sample_steps: Of a sample, when none are asked for.
            options: Of `network_for`.
        """
        made = network_for(data, **options) if network is None else network
        return BlurringModel(made, data.shape, Blurring(CosineSchedule(), blur), sample_steps)
