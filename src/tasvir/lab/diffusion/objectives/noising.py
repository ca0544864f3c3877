"""What most objectives begin with: times, noisy data, and what the denoiser should have told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.predictions import Prediction, factors_at
from tasvir.lab.diffusion.schedules.base import Schedule, shaped


@dataclass(frozen=True)
class Noised:
    """Data under noise.

    Args:
        data: x_0, [B, ...].
        x: x_t = alpha x_0 + sigma eps.
        eps: The noise.
        times: [B] float64.
        alpha: [B] float64.
        sigma: [B] float64.
    """

    data: Tensor
    x: Tensor
    eps: Tensor
    times: Tensor
    alpha: Tensor
    sigma: Tensor

    @property
    def snr(self) -> Tensor:
        """(alpha / sigma)^2, [B]."""
        return (self.alpha / self.sigma) ** 2


def noised(schedule: Schedule, data: Tensor, times: Tensor, generator: torch.Generator) -> Noised:
    """Fresh noise on data [B, ...] at times [B]."""
    eps = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    return Noised(data, shaped(alpha, data) * data + shaped(sigma, data) * eps, eps, times, alpha, sigma)


def even(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """n numbers of [0, 1), each uniform, together evenly spread: (u + i / n) mod 1 (Kingma et al. 2021).

    The mean over a batch has less variance than that of independent draws.
    """
    first = torch.rand((), generator=generator, dtype=torch.float64, device=device)
    return (first + torch.arange(n, dtype=torch.float64, device=device) / n) % 1


def target(given: Noised, schedule: Schedule, prediction: Prediction) -> Tensor:
    """What a denoiser that told the truth of this very example would have said, like x.

    Raises:
        SettingError: Networks are not trained to tell scores, which have no bounded size: train for eps.
    """
    x = given.x
    if prediction == "x0":
        return given.data
    if prediction == "eps":
        return given.eps
    if prediction == "v":
        return shaped(given.alpha, x) * given.eps - shaped(given.sigma, x) * given.data
    if prediction == "velocity":
        d_alpha, d_sigma = schedule.derivatives(given.times)
        return shaped(d_alpha, x) * given.data + shaped(d_sigma, x) * given.eps
    raise SettingError("networks are not trained to tell scores: let it tell eps, which is -sigma score")


def squared_error(denoiser: NetworkDenoiser, given: Noised, labels: Tensor | None) -> Tensor:
    """Mean over its numbers of the squared error of what the denoiser tells, [B]."""
    told = denoiser.at(given.x, given.times, labels)
    wanted = target(given, denoiser.schedule, denoiser.prediction)
    return (told - wanted).square().flatten(1).mean(1)


def error_of(
    denoiser: NetworkDenoiser, given: Noised, labels: Tensor | None, wanted: Prediction = "eps"
) -> Tensor:
    """Mean over its numbers of the squared error of what is wanted, whatever the denoiser tells, [B]."""
    _, gain = factors_at(denoiser.schedule, given.times, denoiser.prediction, wanted)
    found = squared_error(denoiser, given, labels)
    return found * (gain**2).to(found)


def guess(denoiser: NetworkDenoiser, given: Noised, labels: Tensor | None, wanted: Prediction) -> Tensor:
    """What is wanted of every example at a time of its own, like x."""
    a, b = factors_at(denoiser.schedule, given.times, denoiser.prediction, wanted)
    told = denoiser.at(given.x, given.times, labels)
    return given.x * shaped(a, given.x) + told * shaped(b, given.x)
