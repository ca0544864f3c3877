"""LSGM: a VAE whose prior is a diffusion, trained together by one bound (Vahdat, Kreis and Kautz 2021)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.bits import of_levels
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.methods.base import Bound, Method, Model
from tasvir.lab.diffusion.methods.own_walk import count_of
from tasvir.lab.diffusion.network_denoiser import NOISE_RANGE
from tasvir.lab.diffusion.networks.autoencoder import Autoencoder
from tasvir.lab.diffusion.networks.mlp import MlpNetwork
from tasvir.lab.diffusion.objectives.noising import even
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample, start
from tasvir.lab.diffusion.schedules.base import Level, shaped
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

END = 1e-3
"""The time at which latents are decoded: z_e = alpha_e z_0 + sigma_e eps."""
DRAWS = 64
"""Of the latents and times an example, for its bound."""


class LsgmNetwork(nn.Module):
    """VAE, neural score, how much of it counts, and the decoder's deviation.

    Args:
        autoencoder: Encoder and the decoder's mean.
        score: F(z, noise, labels) -> its part of eps.
        latent: Numbers of z.
    """

    def __init__(self, autoencoder: Autoencoder, score: nn.Module, latent: int) -> None:
        super().__init__()
        self.autoencoder, self.score = autoencoder, score
        self.mixing = nn.Parameter(torch.full((latent,), -2.0))
        self.log_deviation = nn.Parameter(torch.tensor(math.log(0.3)))


class MixedDenoiser(Denoiser):
    """eps = (1 - a) sigma_t z_t + a F(z_t, t): a normal law's answer, and what a network adds to it.

    Args:
        network: Of the VAE and its prior.
    """

    prediction = "eps"

    def __init__(self, network: LsgmNetwork) -> None:
        self.network, self.schedule = network, LinearSchedule()

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        return self.at(x, torch.full((len(x),), level.t, dtype=torch.float64, device=x.device))

    def at(self, z: Tensor, times: Tensor) -> Tensor:
        """eps of z_t [B, latent] at times [B] float64."""
        share = torch.sigmoid(self.network.mixing)
        noise = (-self.schedule.half_log_snr(times) / 4).clamp(*NOISE_RANGE).to(z)
        normal = shaped(self.schedule.sigma(times), z) * z
        added: Tensor = self.network.score(z, noise, None)
        return (1 - share) * normal + share * added


class LsgmModel(Model):
    """A VAE and its diffused prior.

    Args:
        network: All of it.
        data: Shape and levels.
        latent: Numbers of z.
        steps: Of a sample, when none are asked for.
    """

    def __init__(self, network: LsgmNetwork, data: Data, latent: int, steps: int) -> None:
        self.network: LsgmNetwork = network
        self.shape, self.levels, self.latent, self.steps = data.shape, data.levels, latent, steps
        self.prior = MixedDenoiser(network)

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: minus the bound, in nats a number."""
        return self.nats(data, generator) / -data[0].numel()

    def nats(self, data: Tensor, generator: torch.Generator) -> Tensor:
        """One draw of the bound log p(x | z_e) + H(q(z_e | x)) - CE(q(z_e | x) || p(z_e)), [B]."""
        autoencoder, last = self.network.autoencoder, self.prior.schedule.level(END)
        mean, deviation = (one.float() for one in autoencoder.encode(data))
        spread = ((last.alpha * deviation) ** 2 + last.sigma**2).sqrt()
        decoded = autoencoder.decode(last.alpha * mean + spread * _normal(mean, generator))
        log_deviation = self.network.log_deviation
        errors = ((data - decoded) / log_deviation.exp()).square().flatten(1)
        density = -(errors / 2 + log_deviation + math.log(2 * math.pi) / 2).sum(1)
        entropy = (spread.log() + (1 + math.log(2 * math.pi)) / 2).sum(1)
        return density + entropy - self._cross_entropy(mean + deviation * _normal(mean, generator), generator)

    def _cross_entropy(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """A bound of -log p(z_e) in the mean over q(z_e | z_0) (the paper's theorem 1), [B].

        KL(q(z_1 | z_0) || N(0, I)) + integral of |eps - eps_theta|^2 over log(alpha / sigma) + d / 2 log(2 pi
        e sigma_e^2). Times are even in log(alpha / sigma), where every error counts the same.
        """
        schedule = self.prior.schedule
        begin, last = schedule.level(schedule.last), schedule.level(END)
        low, high = begin.half_log_snr, last.half_log_snr
        times = schedule.time_of(low + (high - low) * even(len(z), generator, z.device))
        eps = _normal(z, generator)
        noisy = shaped(schedule.alpha(times), z) * z + shaped(schedule.sigma(times), z) * eps
        error = (self.prior.at(noisy, times) - eps).square().sum(1) * (high - low)
        terminal = ((begin.alpha * z).square() + begin.sigma**2 - 1 - 2 * math.log(begin.sigma)).sum(1) / 2
        constant = z.shape[1] * (math.log(last.sigma) + (1 + math.log(2 * math.pi)) / 2)
        return terminal + error + constant

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
        """See `Model.sample`: latents of the prior by any sampler, then the decoder's mean."""
        count = count_of(None, steps, labels, self.steps)
        grid = path(self.prior.schedule, count, "log-snr", end=END, to_data=False)
        noise = gaussian_noise(seed)
        like = torch.empty(n, self.latent, device=self.network.mixing.device)
        x = start((n, self.latent), grid, noise, like)
        found = sample(self.prior, sampler or HeunSampler(), grid, x, noise)
        return Sampled(self.network.autoencoder.decode(found.x), found.evaluations, found.seconds)

    @torch.no_grad()
    def bound(self, data: Tensor, seed: int) -> Bound:
        """See `Model.bound`: the loss' bound by many draws; of pictures, what levels make of it."""
        generator = torch.Generator(data.device).manual_seed(seed)

        def density(given: Tensor) -> Bound:
            drawn = torch.stack([self.nats(given, generator).double() for _ in range(DRAWS)])
            return Bound(drawn.mean(0), exact=False, error=drawn.std(0) / math.sqrt(DRAWS))

        if self.levels is None:
            return density(data)
        return of_levels(density, data, self.levels, torch.Generator().manual_seed(seed))


class LsgmMethod(Method):
    """Encoder, decoder and mixed score by one bound, all weights those of the likelihood.

    What is decoded is z_e, a little noisy, so that the bound holds without a limit. The paper's other weights
    for the prior, and its convolutional VAE, are not built in.
    """

    name: ClassVar[str] = "lsgm"
    source: ClassVar[str] = "Vahdat, Kreis and Kautz 2021; thesis 4.3.1.5"

    def model(  # type: ignore[override]  # its networks are its own, and take no other options
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        latent: int = 16,
        code_width: int = 256,
        width: int = 128,
        depth: int = 4,
        sample_steps: int = 30,
    ) -> LsgmModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: Of the score; None = a perceptron of ``width`` and ``depth``.
            latent: Numbers of z; of points at most as many as they have.
            code_width: Features of the VAE.
            width: Features of the score.
            depth: Its blocks.
            sample_steps: Of a sample, when none are asked for.
        """
        count = min(latent, data.shape[0]) if data.kind == "points" else latent
        autoencoder = Autoencoder(data.shape, count, code_width)
        score = MlpNetwork((count,), width=width, depth=depth) if network is None else network
        return LsgmModel(LsgmNetwork(autoencoder, score, count), data, count, sample_steps)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
