"""What a schedule is: x_t = alpha(t) x_0 + sigma(t) eps, for times from `first` (data) to `last` (noise).

Any such pair is the marginal of one linear SDE dx = f(t) x dt + g(t) dw with f = alpha'/alpha and g^2 =
(sigma^2)' - 2 f sigma^2 (Kingma et al. 2021, appendix; Karras et al. 2022, appendix B), so VP, sub-VP, VE
and straight paths are all schedules, and drift, diffusion and probability flow follow from alpha and sigma.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError

ROUNDS = 200
"""Halvings when a time is looked for; far more than float64 needs."""

MOST_SIGNAL = 0.25
"""Greatest alpha / sigma at which noise alone stands for x_t; data of unit variance then cost 0.001 nats a
dimension, and every unit of their mean shifts the noise by a quarter of its deviation."""


class Schedule(ABC):
    """alpha and sigma as functions of continuous time t.

    alpha / sigma must fall strictly with t. A subclass gives `alpha` and `sigma` in torch operations (their
    derivatives are then found by differentiation) and may override what it knows in closed form.
    """

    name: ClassVar[str]
    first: float = 0.0
    """The time of data: where sigma is 0, or the least time that the schedule is defined for."""
    last: float = 1.0
    """The time of noise, where sampling starts."""

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Share of the data in x_t; t of any shape, float64 kept."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise in x_t."""

    def half_log_snr(self, t: Tensor) -> Tensor:
        """lambda = log(alpha / sigma), half the log of the signal-to-noise ratio; falls with t."""
        return self.alpha(t).log() - self.sigma(t).log()

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """alpha'(t) and sigma'(t), same shape as t; by automatic differentiation."""
        with torch.enable_grad():
            time = t.detach().clone().requires_grad_()
            d_alpha, d_sigma = _slope(self.alpha(time), time), _slope(self.sigma(time), time)
        return d_alpha, d_sigma

    def drift(self, t: Tensor) -> Tensor:
        """f(t) of dx = f x dt + g dw: alpha' / alpha."""
        return self.derivatives(t)[0] / self.alpha(t)

    def diffusion_squared(self, t: Tensor) -> Tensor:
        """g(t)^2 of dx = f x dt + g dw: 2 sigma sigma' - 2 f sigma^2."""
        d_alpha, d_sigma = self.derivatives(t)
        sigma = self.sigma(t)
        return 2 * sigma * (d_sigma - d_alpha / self.alpha(t) * sigma)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """The time at which log(alpha / sigma) has a value; by bisection in float64 unless overridden.

        Values beyond the schedule give `first` or `last`.
        """
        wanted = half_log_snr.double()
        low = torch.full_like(wanted, self.first)
        high = torch.full_like(wanted, self.last)
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            over = self.half_log_snr(middle) > wanted
            low, high = torch.where(over, middle, low), torch.where(over, high, middle)
        return (low + high) / 2

    def level(self, t: float) -> Level:
        """What the schedule says at one time, as float64 numbers.

        Raises:
            SettingError: t lies outside the schedule.
        """
        slack = 1e-9 * (self.last - self.first)
        if not self.first - slack <= t <= self.last + slack:
            raise SettingError(
                f"time {t:g} lies outside the {self.name} schedule: {self.first:g} to {self.last:g}"
            )
        return Level(self, t)

    def prior_deviation(self) -> float:
        """Standard deviation of the noise that sampling starts from; see `Level.prior_deviation`."""
        return self.level(self.last).prior_deviation()


@dataclass(frozen=True)
class Level:
    """A schedule at one time; everything is a float64 number, worked out once when it is asked for."""

    schedule: Schedule
    t: float

    @cached_property
    def _time(self) -> Tensor:
        return torch.tensor(self.t, dtype=torch.float64)

    @cached_property
    def alpha(self) -> float:
        return _number(self.schedule.alpha(self._time))

    @cached_property
    def sigma(self) -> float:
        return _number(self.schedule.sigma(self._time))

    @cached_property
    def half_log_snr(self) -> float:
        """log(alpha / sigma); infinite where one of them is 0."""
        if self.sigma == 0.0:
            return math.inf
        if self.alpha == 0.0:
            return -math.inf
        return _number(self.schedule.half_log_snr(self._time))

    @cached_property
    def ratio(self) -> float:
        """sigma / alpha: the noise level of EDM (Karras et al. 2022); infinite where alpha is 0."""
        return math.exp(-self.half_log_snr) if self.half_log_snr > -math.inf else math.inf

    @cached_property
    def derivatives(self) -> tuple[float, float]:
        """alpha'(t), sigma'(t)."""
        d_alpha, d_sigma = self.schedule.derivatives(self._time)
        return _number(d_alpha), _number(d_sigma)

    @cached_property
    def drift(self) -> float:
        return _number(self.schedule.drift(self._time))

    @cached_property
    def diffusion_squared(self) -> float:
        return _number(self.schedule.diffusion_squared(self._time))

    def prior_deviation(self) -> float:
        """sigma, where N(0, sigma^2) stands for x_t.

        Raises:
            SettingError: Too much of the data is left at this time.
        """
        if self.half_log_snr > math.log(MOST_SIGNAL):
            raise SettingError(
                f"the {self.schedule.name} schedule does not reach noise: alpha / sigma is "
                f"{1 / self.ratio if self.ratio else math.inf:.3g} at time {self.t:g}, above "
                f"{MOST_SIGNAL:g}: let it go on to more noise, or start from noised data"
            )
        return self.sigma


def _slope(value: Tensor, time: Tensor) -> Tensor:
    """The derivative at each time; 0 where the value does not depend on it."""
    if not value.requires_grad:
        return torch.zeros_like(time)
    (slope,) = torch.autograd.grad(value.sum(), time, allow_unused=True)
    return torch.zeros_like(time) if slope is None else slope


def _number(value: Tensor) -> float:
    """A float of a schedule that may be learned."""
    return float(value.detach())


def shaped(value: Tensor, x: Tensor) -> Tensor:
    """One number an example, as [B, 1, ...] in the type and place of x; a single number stays one."""
    value = value.to(x)
    return value if value.ndim == 0 else value.reshape(-1, *(1,) * (x.ndim - 1))
