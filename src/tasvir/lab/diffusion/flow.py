"""The probability flow of a denoiser, one level an example: what students are taught by.

All schedules are one with x scaled (Karras et al. 2022), so teachers and students of few-step models meet in
x = x_0 + r eps, where dx / dr = eps = (x - x0(x, r)) / r.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.predictions import factors_at
from tasvir.lab.diffusion.schedules.base import shaped

Guess = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(x_0 + r eps [B, ...], r [B] float64, labels [B] or None) -> x0 [B, ...]."""


def guess_of(denoiser: NetworkDenoiser) -> Guess:
    """What a denoiser of any schedule and prediction says of x_0 + r eps.

    Its own x_t is alpha(t) times that, at the t where sigma(t) / alpha(t) = r.
    """

    def guess(x: Tensor, ratio: Tensor, labels: Tensor | None) -> Tensor:
        times = denoiser.schedule.time_of(-ratio.double().log())
        own = x * shaped(denoiser.schedule.alpha(times), x)
        a, b = factors_at(denoiser.schedule, times, denoiser.prediction, "x0")
        return own * shaped(a, own) + denoiser.at(own, times, labels) * shaped(b, own)

    return guess


def euler_step(guess: Guess, x: Tensor, here: Tensor, there: Tensor, labels: Tensor | None = None) -> Tensor:
    """Euler's step of the flow from r = ``here`` to r = ``there`` [B], which is DDIM's; also to 0."""
    x0 = guess(x, here, labels)
    return x0 + (x - x0) * shaped(there / here, x)


def heun_step(guess: Guess, x: Tensor, here: Tensor, there: Tensor, labels: Tensor | None = None) -> Tensor:
    """Heun's step of the flow (Karras et al. 2022, algorithm 1); ``there`` > 0."""
    slope = (x - guess(x, here, labels)) / shaped(here, x)
    step = shaped(there - here, x)
    trial = x + step * slope
    second = (trial - guess(trial, there, labels)) / shaped(there, x)
    return x + step * (slope + second) / 2
