"""The bound of a chain of denoising steps, term by term (Ho et al. 2020; thesis 4.7 and 4.10-4.14).

-log p(x_0) <= L_T + the sum of L_{t-1} + L_0: what the prior misses, what every step's Gaussian misses of
q(x_{t-1} | x_t, x_0) (4.8 and 4.9, with their bars and roots), and what the decoder misses of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.bits import bits_per_dimension, on_levels
from tasvir.lab.diffusion.decoders import among_levels, discretised_gaussian
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.likelihood import Terminal, noise_alone
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise
from tasvir.lab.diffusion.sampling import gaussian_noise
from tasvir.lab.diffusion.schedules.base import Level, shaped
from tasvir.lab.diffusion.variances import ReverseStep, Variance, beta_tilde


@dataclass(frozen=True, kw_only=True)
class ChainBound(Bound):
    """A bound and its parts, each in nats and positive where it costs likelihood; nats is minus their sum.

    Args:
        prior: [N] L_T.
        steps: [T - 1, N] L_{t-1} from noise to data; [T, N] where the path ends above sigma = 0.
        decoder: [N] L_0.
        evaluations: How often the denoiser was asked.
    """

    prior: Tensor
    steps: Tensor
    decoder: Tensor
    evaluations: int


@torch.no_grad()
def chain_bound(
    denoiser: Denoiser,
    data: Tensor,
    path: Path,
    *,
    variance: Variance = beta_tilde,
    levels: int | None = None,
    terminal: Terminal | None = None,
    draws: int = 1,
    seed: int = 0,
) -> ChainBound:
    """A lower bound of log p(data) under the chain that ancestral sampling draws from.

    A path to sigma = 0 ends with the discretised Gaussian around the guess, of the step's variance, or of
    `ReverseStep.beta` where ``variance`` says 0. One that ends above ends with VDM's decoder.

    Args:
        denoiser: Of the path's schedule.
        data: [N, ...].
        path: The chain's levels.
        variance: Of the reverse steps: `variances.beta`, `beta_tilde`, `OptimalVariance`, `LearnedVariance`.
        levels: Values a number of the data can take, from -1 to 1; None = real numbers.
        terminal: Density at the first level; None = noise alone, with L_T in closed form.
        draws: Noisy versions of the data at each level; errors are stated from 2 on.
        seed: Of the noise.

    Raises:
        SettingError: The path is of another schedule or does not begin in noise, data are not on the levels,
            a variance is not positive, or no draw.
    """
    if denoiser.schedule is not path.schedule:
        raise SettingError(
            "the path is of another schedule than the denoiser: make it from denoiser.schedule"
        )
    if draws < 1:
        raise SettingError(f"{draws} draws: ask for 1 or more")
    if levels is not None:
        on_levels(data, levels)
    noise, to_data = gaussian_noise(seed), path.levels[-1].sigma == 0.0
    steps = [ReverseStep(*pair) for pair in path.steps]
    between = steps[:-1] if to_data else steps
    rounds = torch.stack(
        [
            torch.stack(
                [
                    prior_nats(data, path.levels[0], terminal, noise),
                    *(_step_nats(denoiser, data, step, variance, noise) for step in between),
                    _decoder_nats(denoiser, data, steps[-1], variance, levels, noise),
                ]
            )
            for _ in range(draws)
        ]
    )  # [draws, terms, N]
    totals, terms = rounds.sum(1), rounds.mean(0)
    nats = -totals.mean(0)
    return ChainBound(
        nats,
        exact=False,
        error=totals.std(0) / math.sqrt(draws) if draws > 1 else None,
        bits_per_dimension=None if levels is None else bits_per_dimension(nats, data[0].numel()),
        prior=terms[0],
        steps=terms[1:-1],
        decoder=terms[-1],
        evaluations=draws * len(steps if to_data else between),
    )


def prior_nats(data: Tensor, level: Level, terminal: Terminal | None, noise: Noise) -> Tensor:
    """KL(q(x_T | x_0) || p(x_T)), [N]: in closed form for noise alone, else by one draw (thesis 4.7, L_T).

    Raises:
        SettingError: Noise alone does not stand for x_T.
    """
    if terminal is None:
        level.prior_deviation()
        return 0.5 * ((level.alpha / level.sigma * data.double()) ** 2).flatten(1).sum(1)
    drawn = noise(data)
    own = noise_alone(drawn * level.sigma, level)
    return own - terminal(data * level.alpha + drawn * level.sigma, level).double()


def _step_nats(
    denoiser: Denoiser, data: Tensor, step: ReverseStep, variance: Variance, noise: Noise
) -> Tensor:
    """KL(q(x_s | x_t, x_0) || N(mean of the guess, variance)), [N] (thesis 4.10-4.13)."""
    x = data * step.here.alpha + noise(data) * step.here.sigma
    x0 = denoiser.predict(x, step.here, "x0")
    told = _positive(variance(step, x), x, step)
    ratio = step.beta_tilde / told
    away = step.there.alpha * step.gone * (data.double() - x0.double())
    found: Tensor = 0.5 * (ratio - 1 - ratio.log() + away**2 / told)
    return found.flatten(1).sum(1)


def _decoder_nats(
    denoiser: Denoiser, data: Tensor, step: ReverseStep, variance: Variance, levels: int | None, noise: Noise
) -> Tensor:
    """-log p(x_0 | x_1), [N] (thesis 4.7, L_0)."""
    if step.there.sigma > 0:
        return reconstruction_nats(data, step.there, levels, noise)
    x = data * step.here.alpha + noise(data) * step.here.sigma
    x0 = denoiser.predict(x, step.here, "x0")
    told = variance(step, x)
    if not isinstance(told, Tensor) and told == 0.0:
        told = step.beta
    return -discretised_gaussian(data, x0, _positive(told, x, step).sqrt(), levels).flatten(1).sum(1)


def reconstruction_nats(data: Tensor, level: Level, levels: int | None, noise: Noise) -> Tensor:
    """-log p(x_0 | x_e) with x_e drawn at a level of little noise, [N] (thesis 4.33)."""
    ratio = level.sigma / level.alpha
    if levels is None:
        nats = data[0].numel() * 0.5 * math.log(2 * math.pi * math.e * ratio**2)
        return torch.full((len(data),), nats, dtype=torch.float64, device=data.device)
    seen = data.double() + ratio * noise(data).double()
    return -among_levels(data, seen, ratio, levels).flatten(1).sum(1)


def _positive(told: float | Tensor, x: Tensor, step: ReverseStep) -> Tensor:
    """The variance as numbers that go with x."""
    value = torch.as_tensor(told, dtype=torch.float64, device=x.device)
    if not bool((value > 0).all()):
        raise SettingError(
            f"the variance of the step from time {step.here.t:g} to {step.there.t:g} is not positive: a "
            "chain without noise has no likelihood; take beta, beta-tilde or another"
        )
    return value if value.ndim in (0, x.ndim) else shaped(value, x.double())
