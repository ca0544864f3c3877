"""Consistency: f(x_t, t) tells the same end of a path of the probability flow from all of its points.

Neighbours of a grid of noise levels are held together, f(x_t', t') by f(x_t, t) without gradient, and f(x, e)
= x is built in. The step from t' to t is a teacher's (distillation) or the data's own: the same x_0 and eps
(training), whose expected slope is that of the flow. Song et al. 2023; Song and Dhariwal 2023 ("improved").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.flow import Guess, heun_step
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser, Preconditioning
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.pupil import pupil_of
from tasvir.lab.diffusion.schedules.base import shaped

RHO = 7.0
MEAN, DEVIATION, SOFTNESS = -1.1, 2.0, 0.00054
"""Of log noise levels that training asks at, and of the loss (Song and Dhariwal 2023, table 1)."""

Draw = Literal["lognormal", "uniform"]


class ConsistencyPreconditioning(Preconditioning):
    """skip = s^2 / ((r - e)^2 + s^2), out = s (r - e) / sqrt(s^2 + r^2): f(x, e) = x (Song et al. 2023, C).

    Args:
        deviation: s, of the data.
        least: e, the noise level where paths end.
    """

    prediction: Prediction = "x0"

    def __init__(self, deviation: float, least: float) -> None:
        self.deviation, self.least = deviation, least

    def factors(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Preconditioning.factors`."""
        ratio, spread = sigma / alpha, self.deviation**2
        beyond = ratio - self.least
        width = torch.sqrt(spread + ratio**2)
        return (
            1 / (alpha * width),
            spread / (beyond**2 + spread) / alpha,
            self.deviation * beyond / width,
        )


def noise_levels(intervals: int, least: float, most: float) -> Tensor:
    """``intervals`` + 1 rising levels, equal in r^(1/7) (Karras et al. 2022, equation 5), float64."""
    if intervals < 1 or not 0 < least < most:
        raise SettingError(
            f"{intervals} intervals from {least} to {most}: take 1 or more, rising from above 0"
        )
    share = torch.linspace(0, 1, intervals + 1, dtype=torch.float64)
    levels: Tensor = (least ** (1 / RHO) + share * (most ** (1 / RHO) - least ** (1 / RHO))) ** RHO
    return levels


def pseudo_huber(one: Tensor, other: Tensor, softness: float) -> Tensor:
    """sqrt(d^2 + c^2) - c of each example, d its Euclidean distance (Charbonnier et al. 1997); c = 0: d^2."""
    squared = (one - other).flatten(1).pow(2).sum(1)
    if softness == 0.0:
        return squared
    return torch.sqrt(squared + softness**2) - softness


@dataclass(frozen=True)
class Curriculum:
    """How finely noise levels are told apart, and how that changes while a network is trained.

    Args:
        least: e, where paths end.
        most: Where sampling starts.
        first: Intervals at first.
        last: Intervals in the end.
        doubling: Steps until they double.
        draw: How intervals are drawn: all alike, or by a log-normal law of the noise level.
    """

    least: float = 0.002
    most: float = 80.0
    first: int = 10
    last: int = 160
    doubling: int = 1000
    draw: Draw = "lognormal"

    def __post_init__(self) -> None:
        if self.draw not in get_args(Draw):
            raise SettingError(f"draw {self.draw!r}: known are {', '.join(get_args(Draw))}")
        if not 1 <= self.first <= self.last or self.doubling < 1:
            raise SettingError(
                f"intervals {self.first} to {self.last}, doubled every {self.doubling} steps: they must be 1 "
                "or more and must not fall"
            )
        noise_levels(1, self.least, self.most)

    def intervals(self, step: int) -> int:
        """N(k) = min(first 2^floor(k / doubling), last) (Song and Dhariwal 2023, section 3.4)."""
        doublings = min(step // self.doubling, math.ceil(math.log2(self.last / self.first)))
        return min(self.first << doublings, self.last)

    def drawn(self, step: int, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Lower and upper ends of n intervals, [n] float64 each."""
        levels = noise_levels(self.intervals(step), self.least, self.most)
        shares = torch.ones(len(levels) - 1, dtype=torch.float64)
        if self.draw == "lognormal":
            shares = torch.erf((levels.log() - MEAN) / (DEVIATION * math.sqrt(2))).diff()
        shares, levels = shares.to(generator.device), levels.to(generator.device)
        chosen = torch.multinomial(shares, n, replacement=True, generator=generator)
        return levels[chosen], levels[chosen + 1]


class ConsistencyObjective(Objective):
    """Distance of f at the two ends of an interval of noise, divided by a power of the interval's length.

    The denoiser's network is a `Pupil`; its copy, where it has one, tells the lower end's f.

    Args:
        curriculum: Which intervals.
        teacher: Whose flow is followed from the upper to the lower end, by one Heun step; None = the data's.
        softness: c of `pseudo_huber`, times the root of the numbers an example has.
        decay: Of the copy that targets come from; 0 = targets come from the network as it is.
        weight: Losses are divided by the interval's length to this power: 1 as in the improved techniques, 0
            as at first; less than 1 turns to where paths begin, which one step cannot make up for.
    """

    def __init__(
        self,
        curriculum: Curriculum,
        teacher: Guess | None = None,
        softness: float = SOFTNESS,
        decay: float = 0.0,
        weight: float = 1.0,
    ) -> None:
        if softness < 0 or weight < 0 or not 0 <= decay < 1:
            raise SettingError(
                f"softness {softness} and weight {weight} must not be negative, decay {decay} in [0, 1)"
            )
        self.curriculum, self.teacher = curriculum, teacher
        self.softness, self.decay, self.weight = softness, decay, weight

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        pupil = pupil_of(denoiser)
        step = pupil.begin_step(self.decay)
        low, high = (ends.to(data.device) for ends in self.curriculum.drawn(step, len(data), generator))
        noise = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
        x = data + noise * shaped(high, data)
        with torch.no_grad():
            if self.teacher is None:
                before = data + noise * shaped(low, data)
            else:
                before = heun_step(self.teacher, x, high, low, labels)
            wanted = pupil.slow(denoiser).at(before, low, labels)
        softness = self.softness * math.sqrt(data[0].numel())
        losses = pseudo_huber(denoiser.at(x, high, labels), wanted, softness)
        return losses / ((high - low) ** self.weight).to(losses)
