"""Bounds in continuous time: the SDE's (Song et al. 2021b; thesis 4.35-4.37) and VDM's (4.33, 4.34).

They are one: with lambda = log(alpha / sigma), g^2 / sigma^2 dt = -2 d lambda, so that 1/2 g^2 E |s + eps /
sigma|^2 dt is 1/2 E |x_0 - x0_hat|^2 d SNR. It depends on a schedule by its ends alone; what a schedule
changes is the spread of an estimate whose times are drawn evenly in t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.bits import bits_per_dimension, on_levels
from tasvir.lab.diffusion.bounds import prior_nats, reconstruction_nats
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.likelihood import Hutchinson, Terminal, divergence, noise_alone
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.samplers.base import Noise
from tasvir.lab.diffusion.sampling import gaussian_noise
from tasvir.lab.diffusion.schedules.base import Level, Schedule

Times = Literal["importance", "uniform"]
"""Even in lambda, where every error weighs the same; or even in t."""


@dataclass(frozen=True, kw_only=True)
class ContinuousBound(Bound):
    """A bound and its parts, in nats, positive where they cost likelihood; nats is minus their sum.

    Args:
        prior: [N] what the terminal density misses.
        diffusion: [N] the integral over time.
        reconstruction: [N] what the decoder misses.
        evaluations: How often the denoiser was asked.
    """

    prior: Tensor
    diffusion: Tensor
    reconstruction: Tensor
    evaluations: int


@torch.no_grad()
def continuous_bound(
    denoiser: Denoiser,
    data: Tensor,
    *,
    end: float,
    levels: int | None = None,
    terminal: Terminal | None = None,
    times: Times = "importance",
    strata: int = 64,
    seed: int = 0,
) -> ContinuousBound:
    """KL(q(x_T | x_0) || p_T) - E log p(x_0 | x_e) + 1/2 integral of E |eps - eps_hat|^2 (-d log SNR).

    It bounds -log p(x_0). Without levels it is the SDE's bound in its denoising form, with a Gaussian around
    x_e / alpha_e for what lies below time ``end`` (Song et al. 2021b, theorem 3); with levels it is VDM's.

    Args:
        denoiser: Who guesses.
        data: [N, ...]; all are asked for at the same times, so their errors are a little alike.
        end: Least time at which it is asked, above sigma = 0.
        levels: Values a number of the data can take, from -1 to 1; None = real numbers.
        terminal: Density at the last time; None = noise alone.
        times: How they are drawn.
        strata: Parts of the time axis; two times are drawn in each, and their differences make the error.
        seed: Of times and noise.

    Raises:
        SettingError: The schedule does not reach noise and no terminal density was given, sigma = 0 at the
            end, data are not on the levels, or no strata.
    """
    if levels is not None:
        on_levels(data, levels)
    noise = gaussian_noise(seed)

    def missed(level: Level) -> Tensor:
        eps = noise(data)
        told = denoiser.predict(data * level.alpha + eps * level.sigma, level, "eps")
        return (eps.double() - told.double()).square().flatten(1).sum(1)

    drawn = _drawn(denoiser.schedule, end, times, strata, seed)
    diffusion, error = _integral([[missed(level) * weight for level, weight in pair] for pair in drawn])
    begin, last = denoiser.schedule.level(end), denoiser.schedule.level(denoiser.schedule.last)
    priors = torch.stack([prior_nats(data, last, terminal, noise) for _ in range(2 * strata)])
    below = torch.stack([reconstruction_nats(data, begin, levels, noise) for _ in range(2 * strata)])
    total = priors.mean(0) + below.mean(0) + diffusion
    spread = (priors.var(0) + below.var(0)) / (2 * strata)
    return ContinuousBound(
        -total,
        exact=False,
        error=(error.square() + spread).sqrt(),
        bits_per_dimension=None if levels is None else bits_per_dimension(-total, data[0].numel()),
        prior=priors.mean(0),
        diffusion=diffusion,
        reconstruction=below.mean(0),
        evaluations=2 * strata,
    )


@torch.no_grad()
def implicit_bound(
    denoiser: Denoiser,
    data: Tensor,
    *,
    end: float,
    terminal: Terminal | None = None,
    trace: Hutchinson | None = None,
    strata: int = 64,
    seed: int = 0,
) -> ContinuousBound:
    """The SDE's bound as the thesis prints it (4.37), with the score's divergence in place of the noise.

    -log p <= -E log p_T(x_T) + integral of E [1/2 g^2 |s|^2 + div(g^2 s - f)] dt. It bounds the mean density
    of x_e / alpha_e around the data, e being ``end``; near the data it varies less than `continuous_bound`,
    and it costs the trace. ``reconstruction`` is 0. Args and errors as there; times are even in lambda.

    Args:
        trace: Probes; None = the exact trace.
    """
    noise, size = gaussian_noise(seed), data[0].numel()

    def integrand(level: Level) -> Tensor:
        x = data * level.alpha + noise(data) * level.sigma
        probes = None if trace is None else trace.draw(x)
        eps, traces = divergence(lambda at: denoiser.predict(at, level, "eps"), x, probes)
        slope = level.derivatives[0] / level.alpha - level.derivatives[1] / level.sigma
        swelling = 2 * level.sigma * traces.double().mean(1) - size * level.drift / slope
        return eps.double().square().flatten(1).sum(1) - swelling

    drawn = _drawn(denoiser.schedule, end, "importance", strata, seed)
    diffusion, error = _integral([[integrand(level) * weight for level, weight in pair] for pair in drawn])
    begin, last = denoiser.schedule.level(end), denoiser.schedule.level(denoiser.schedule.last)
    priors = torch.stack([_cross_entropy(data, last, terminal, noise) for _ in range(2 * strata)])
    total = priors.mean(0) + diffusion - size * math.log(begin.alpha)
    return ContinuousBound(
        -total,
        exact=False,
        error=(error.square() + priors.var(0) / (2 * strata)).sqrt(),
        prior=priors.mean(0),
        diffusion=diffusion - size * math.log(begin.alpha),
        reconstruction=torch.zeros_like(total),
        evaluations=2 * strata,
    )


def _cross_entropy(data: Tensor, level: Level, terminal: Terminal | None, noise: Noise) -> Tensor:
    if terminal is None:
        level.prior_deviation()
    x = data * level.alpha + noise(data) * level.sigma
    return -(noise_alone if terminal is None else terminal)(x, level).double()


def _drawn(
    schedule: Schedule, end: float, times: Times, strata: int, seed: int
) -> list[list[tuple[Level, float]]]:
    """Two levels for each part of the axis, with their weights: -d lambda / d axis times its length."""
    begin = schedule.level(end)
    if strata < 1 or begin.sigma == 0.0:
        raise SettingError(
            f"{strata} strata down to time {end:g}: there must be 1 or more, and noise at the end"
        )
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(strata, 2, generator=generator, dtype=torch.float64)
    shares = (torch.arange(strata)[:, None] + places) / strata
    if times == "uniform":
        at = end + (schedule.last - end) * shares
        d_alpha, d_sigma = schedule.derivatives(at)
        slope = d_sigma / schedule.sigma(at) - d_alpha / schedule.alpha(at)
        weights = (slope * (schedule.last - end)).detach()
    else:
        low, high = _noisiest(schedule), begin.half_log_snr
        at = schedule.time_of(high + (low - high) * shares)
        weights = torch.full_like(shares, high - low)
    return [
        [(schedule.level(float(t)), float(w)) for t, w in zip(*pair, strict=True)]
        for pair in zip(at, weights, strict=True)
    ]


def _noisiest(schedule: Schedule) -> float:
    """lambda at the last time.

    Raises:
        SettingError: It is infinite: the integral over it has no end.
    """
    found = schedule.level(schedule.last).half_log_snr
    if math.isinf(found):
        raise SettingError(
            f"nothing of the data is left at the end of the {schedule.name} schedule: draw times uniformly, "
            "or let it end a little earlier"
        )
    return found


def _integral(pairs: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and its standard error from two draws in each stratum, [N] each."""
    values = torch.stack([torch.stack(pair) for pair in pairs])  # [strata, 2, N]
    apart = values[:, 0] - values[:, 1]
    return values.mean((0, 1)), apart.square().sum(0).sqrt() / (2 * len(pairs))
