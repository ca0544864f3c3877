"""Discrete betas as a schedule, and a schedule as discrete betas.

q(x_i | x_{i-1}) = N(sqrt(1 - beta_i) x_{i-1}, beta_i I) for i = 1 ... T gives alpha_i^2 = prod_{j <= i} (1 -
beta_j) (thesis 4.1-4.3; its product must end at t, not at T).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule

LARGEST = 0.999
"""Betas are cut here, as a beta of 1 leaves nothing to go back to (Nichol and Dhariwal 2021)."""


class TableSchedule(Schedule):
    """VP with time counted in steps: exact at 1 ... T, log(alpha / sigma) linear between two steps.

    Below 1 sigma^2 / alpha^2 falls linearly to 0, so that time 0 is the data. Step i is what other libraries
    call timestep i - 1.

    Args:
        betas: [T], at least two.

    Raises:
        SettingError: Fewer than two betas, or some outside (0, 1).
    """

    name: ClassVar[str] = "table"

    def __init__(self, betas: Tensor) -> None:
        betas = betas.double()
        if betas.ndim != 1 or len(betas) < 2 or not bool(((betas > 0) & (betas < 1)).all()):
            raise SettingError(
                "betas must be two or more numbers between 0 and 1, without the ends: for a last beta of 1 "
                "make ZeroTerminalSchedule(TableSchedule(betas before rescaling))"
            )
        twice = torch.log1p(-betas).cumsum(0)  # log of alpha^2
        self._half_log_snr = (twice - torch.log(-torch.expm1(twice))) / 2
        self.last = float(len(betas))

    @classmethod
    def of_products(cls, products: Tensor) -> TableSchedule:
        """From alpha^2 of every step, [T] falling: what diffusers calls alphas_cumprod."""
        before = torch.cat([torch.ones(1, dtype=torch.float64), products.double()[:-1]])
        return cls(1 - products.double() / before)

    def half_log_snr(self, t: Tensor) -> Tensor:
        """See `Schedule.half_log_snr`."""
        knots = self._half_log_snr.to(t)
        index = t.detach().floor().clamp(1, self.last - 1).long()
        low, high = knots[index - 1], knots[index]
        inside = t >= 1
        safe = torch.where(inside, torch.ones_like(t), t)
        return torch.where(inside, low + (t - index) * (high - low), knots[0] - safe.log() / 2)

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return torch.sigmoid(2 * self.half_log_snr(t)).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return torch.sigmoid(-2 * self.half_log_snr(t)).sqrt()

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`: of the right side at a step, infinite for sigma at 0."""
        knots = self._half_log_snr.to(t)
        index = t.floor().clamp(1, self.last - 1).long()
        slope = torch.where(t >= 1, knots[index] - knots[index - 1], -0.5 / t)
        alpha, sigma = self.alpha(t), self.sigma(t)
        return slope * alpha * sigma**2, -slope * sigma * alpha**2

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`."""
        wanted = half_log_snr.double()
        knots = self._half_log_snr.to(wanted.device)
        index = torch.searchsorted(-knots, -wanted.contiguous()).clamp(1, len(knots) - 1)
        low, high = knots[index - 1], knots[index]
        inner = index + (wanted - low) / (high - low)
        return torch.where(wanted > knots[0], torch.exp(2 * (knots[0] - wanted)), inner).clamp(0, self.last)


def betas(schedule: Schedule, steps: int, largest: float = LARGEST) -> Tensor:
    """The betas whose products have the schedule's signal-to-noise ratio at equal steps of time, [T].

    beta_i = 1 - a(t_i) / a(t_{i-1}) with a = SNR / (1 + SNR), and a = 1 before the first step. Schedules that
    do not preserve variance are scaled to do so, which changes no ratio.

    Args:
        schedule: Any.
        steps: T, at least 1.
        largest: Where betas are cut.

    Raises:
        SettingError: Fewer than one step.
    """
    if steps < 1:
        raise SettingError(f"{steps} steps: ask for 1 or more")
    share = torch.linspace(0, 1, steps + 1, dtype=torch.float64)[1:]
    times = schedule.first + (schedule.last - schedule.first) * share
    twice = 2 * schedule.half_log_snr(times).detach()
    log_product = torch.nn.functional.logsigmoid(twice)
    before = torch.cat([torch.zeros(1, dtype=torch.float64), log_product[:-1]])
    return (-torch.expm1(log_product - before)).clamp(max=largest)


def linear_betas(steps: int = 1000, low: float = 1e-4, high: float = 0.02) -> Tensor:
    """DDPM's betas, equally spaced, [T] (Ho et al. 2020, section 4)."""
    return torch.linspace(low, high, steps, dtype=torch.float64)
