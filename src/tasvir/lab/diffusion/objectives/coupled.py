"""Flow matching along paths whose two ends were paired: by assignment in the batch, or by another flow."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.lab.diffusion.couplings import Coupling
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import Noised, even, squared_error
from tasvir.lab.diffusion.schedules.base import Schedule, shaped


class CoupledObjective(Objective):
    """E |target - told|^2 / D with noise that was put into the order of the data.

    Args:
        coupling: Puts it.
    """

    def __init__(self, coupling: Coupling) -> None:
        self.coupling = coupling

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        noise = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
        times = times_of(denoiser.schedule, len(data), generator, data.device)
        return squared_error(
            denoiser, between(denoiser.schedule, data, self.coupling(noise, data), times), labels
        )


def times_of(schedule: Schedule, n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """n times spread evenly over the schedule, its very ends left out."""
    shares = even(n, generator, device).clamp(1e-5, 1 - 1e-5)
    return schedule.first + (schedule.last - schedule.first) * shares


def between(schedule: Schedule, data: Tensor, noise: Tensor, times: Tensor) -> Noised:
    """alpha data + sigma noise of pairs [B, ...] at times [B]."""
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    return Noised(data, shaped(alpha, data) * data + shaped(sigma, data) * noise, noise, times, alpha, sigma)
