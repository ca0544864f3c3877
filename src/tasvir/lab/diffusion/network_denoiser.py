"""A network as a denoiser: what it is fed, and what its output stands for.

It tells skip * x + out * F(in * x, noise level), after Karras et al. 2022 (table 1). With skip = 0 and out =
1 the output itself is eps, v or velocity; with EDM's factors it is x0 out of inputs and targets of unit
variance at every level.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.schedules.base import Level, Schedule, shaped

NOISE_RANGE = (-3.0, 1.5)
"""What networks are told of the noise level, at most: beyond sigma / alpha = 403 nothing is left to tell, and
a network would be asked where it was never trained (the straight path begins at alpha = 0)."""


class Preconditioning(ABC):
    """The factors around a network."""

    prediction: Prediction
    """What skip * x + out * F is."""

    @abstractmethod
    def factors(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """in, skip and out, each of the shape of alpha and sigma ([] or [B])."""


class NetworkDenoiser(Denoiser):
    """A network under a schedule.

    Args:
        network: F(x [B, ...], noise [B], labels [B] int64 or None) -> [B, ...]; ``noise`` is log(sigma /
            alpha) / 4, which any network here embeds; a label equal to the number of classes means "none".
        schedule: Which x_t it sees.
        preconditioning: The factors around it.
        labels: What it is asked for when sampling, [B] int64; None = unconditional.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        preconditioning: Preconditioning,
        labels: Tensor | None = None,
    ) -> None:
        self.network, self.schedule, self.preconditioning = network, schedule, preconditioning
        self.prediction = preconditioning.prediction
        self.labels = labels

    def given(self, labels: Tensor | None) -> NetworkDenoiser:
        """The same denoiser asked for classes."""
        return NetworkDenoiser(self.network, self.schedule, self.preconditioning, labels)

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        times = torch.full((len(x),), level.t, dtype=torch.float64, device=x.device)
        return self.at(x, times, self.labels)

    def at(self, x: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        """The guess for every example at a time of its own: for training.

        Args:
            x: [B, ...].
            times: [B] float64.
            labels: [B] int64 or None.
        """
        return self.under(x, self.schedule.alpha(times), self.schedule.sigma(times), labels)

    def under(self, x: Tensor, alpha: Tensor, sigma: Tensor, labels: Tensor | None = None) -> Tensor:
        """The same for every example's alpha and sigma [B]: for schedules that learn."""
        before, skip, out = self.preconditioning.factors(alpha, sigma)
        noise = ((sigma / alpha).log() / 4).clamp(*NOISE_RANGE).to(x)
        told: Tensor = self.network(x * shaped(before, x), noise, labels)
        return x * shaped(skip, x) + told * shaped(out, x)
