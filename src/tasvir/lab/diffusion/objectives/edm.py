"""EDM's loss: noise levels from a log-normal law, errors weighted to unit size (Karras et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import error_of, even, noised


class EdmObjective(Objective):
    """E (r^2 + d^2) / (r d)^2 |x0 - D(x_t)|^2 / D with r = sigma / alpha, log r ~ N(mean, deviation^2).

    The weight is 1 / out^2 of EDM's preconditioning, so that every level counts the same at first (table 1,
    equations 107 and 143 of the paper); the law puts the work where it pays.

    Args:
        sigma_data: d, the standard deviation of the data.
        mean: Of log r.
        deviation: Of log r.
    """

    def __init__(self, sigma_data: float = 0.5, mean: float = -1.2, deviation: float = 1.2) -> None:
        self.sigma_data, self.mean, self.deviation = sigma_data, mean, deviation

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        shares = even(len(data), generator, data.device)
        normal = torch.special.ndtri(shares.clamp(1e-6, 1 - 1e-6))
        times = denoiser.schedule.time_of(-(self.mean + self.deviation * normal))
        given = noised(denoiser.schedule, data, times, generator)
        ratio = given.sigma / given.alpha
        weight = (ratio**2 + self.sigma_data**2) / (ratio * self.sigma_data) ** 2
        found = error_of(denoiser, given, labels, "x0")
        return found * weight.to(found)
