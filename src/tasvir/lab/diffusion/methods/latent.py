"""Latent diffusion: first an autoencoder, then a diffusion in its latents (Rombach et al. 2022)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.autoencoder import Autoencoder
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.simple import SimpleObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

RATE = 0.01
"""How fast the remembered mean and deviation of latents follow the batches."""


class LatentNetwork(nn.Module):
    """Autoencoder, diffusion network, and what is remembered of the latents.

    Args:
        autoencoder: Between examples and latents.
        diffusion: F(z, noise, labels).
        latent: Numbers of z.
    """

    centre: Tensor
    spread: Tensor
    seen: Tensor

    def __init__(self, autoencoder: Autoencoder, diffusion: nn.Module, latent: int) -> None:
        super().__init__()
        self.autoencoder, self.diffusion = autoencoder, diffusion
        self.register_buffer("centre", torch.zeros(latent))
        self.register_buffer("spread", torch.ones(latent))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def remember(self, z: Tensor) -> None:
        """Let centre and spread follow a batch of latents [B, latent]."""
        rate = max(RATE, 1 / (int(self.seen) + 1))
        self.centre.lerp_(z.mean(0).to(self.centre), rate)
        self.spread.lerp_(z.std(0).clamp(min=1e-4).to(self.spread), rate)
        self.seen += 1


class LatentModel(Model):
    """An autoencoder and the diffusion of its scaled latents.

    Args:
        network: Both.
        inner: The diffusion, whose network is ``network.diffusion``.
        first: Batches that train the autoencoder; all later ones train the diffusion.
        kl: Weight of KL(q(z | x) || N(0, I)) beside the squared error of a number of x.
    """

    def __init__(self, network: LatentNetwork, inner: GaussianModel, first: int, kl: float) -> None:
        self.network: LatentNetwork = network
        self.inner, self.first, self.kl = inner, first, kl

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: first the autoencoder's, then the diffusion's alone."""
        if int(self.network.seen) < self.first:
            return self._reconstruction(data, generator)
        with torch.no_grad():
            mean, _ = self.network.autoencoder.encode(data)
            z = (mean - self.network.centre) / self.network.spread
        return self.inner.loss(z.float(), labels, generator)

    def _reconstruction(self, data: Tensor, generator: torch.Generator) -> Tensor:
        mean, deviation = self.network.autoencoder.encode(data)
        drawn = torch.randn(mean.shape, generator=generator, device=mean.device)
        self.network.remember(mean.detach())
        error = (self.network.autoencoder.decode(mean + deviation * drawn) - data).square().flatten(1).mean(1)
        apart = (mean.square() + deviation.square() - 1) / 2 - deviation.log()
        return error + self.kl * apart.sum(1)

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
        """See `Model.sample`: latents by any sampler, decoded; evaluations are the diffusion's."""
        found = self.inner.sample(n, seed, sampler=sampler, steps=steps, labels=labels)
        z = found.x * self.network.spread + self.network.centre
        return replace(found, x=self.network.autoencoder.decode(z))


class LatentMethod(Method):
    """Perceptrons squeeze a picture into a few numbers; v of those is learned under the linear VP schedule.

    Both are one run: its first batches train the autoencoder, which then stands still. The averaged weights
    that are kept follow it within some thousand steps, so train a few times as long as ``first``.
    """

    name: ClassVar[str] = "latent"
    source: ClassVar[str] = "Rombach et al. 2022; thesis 4.3.1.5"
    kinds: ClassVar[tuple[Kind, ...]] = ("images",)
    no_bound: ClassVar[str | None] = "pictures follow from latents by a function; lsgm has a bound"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        latent: int = 16,
        first: int = 2000,
        kl: float = 1e-3,
        code_width: int = 256,
        **options: Any,
    ) -> LatentModel:
        """See `Method.model`.

        Args:
            data: Pictures.
            network: Of the diffusion in latents; None = a perceptron made with ``options``.
            latent: Numbers of z.
            first: Batches for the autoencoder.
            kl: Weight of its KL divergence.
            code_width: Features of the autoencoder.
            options: Of `network_for`: width, depth, conditional.

        Raises:
            SettingError: No batch for the autoencoder, or no latent number.
        """
        if first < 1:
            raise SettingError(f"first is {first}: the autoencoder needs batches to learn from")
        nothing = torch.zeros(0, latent)
        latents = Data("latents", "points", nothing, nothing, classes=data.classes, deviation=1.0)
        autoencoder = Autoencoder(data.shape, latent, code_width)
        diffusion = network_for(latents, **options) if network is None else network
        made = LatentNetwork(autoencoder, diffusion, latent)
        denoiser = NetworkDenoiser(diffusion, LinearSchedule(), PlainPreconditioning("v"))
        inner = GaussianModel(latents, denoiser, SimpleObjective(), Drawing(DdimSampler(), 50))
        return LatentModel(made, inner, first, kl)
