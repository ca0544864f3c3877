"""Likelihood weighting: score matching that bounds the likelihood, at times drawn by importance.

Song et al. 2021b (thesis 4.35): with the weight g(t)^2 the loss is, but for a constant, the negative
log-likelihood's bound. As g^2 / sigma^2 = -2 lambda', lambda = log(alpha / sigma), it is the integral of eps'
squared error over lambda: drawing times by importance is drawing lambda evenly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import error_of, even, noised


class LikelihoodObjective(Objective):
    """1/2 integral of g^2 E |s_theta + eps / sigma|^2 dt / D from ``smallest`` on, in nats a dimension.

    Args:
        importance: Times even in log(alpha / sigma), every error of the same weight; else even in time with
            the weight -lambda'(t), which has the same mean and far more variance.
        smallest: Least time, as a share of the schedule's span.

    Raises:
        SettingError: ``smallest`` is not in (0, 1).
    """

    def __init__(self, importance: bool = True, smallest: float = 1e-5) -> None:
        if not 0 < smallest < 1:
            raise SettingError(f"smallest is {smallest}: the bound holds from a time above 0 and below 1 on")
        self.importance, self.smallest = importance, smallest

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        schedule = denoiser.schedule
        begin = schedule.first + self.smallest * (schedule.last - schedule.first)
        shares = even(len(data), generator, data.device)
        if self.importance:
            low, high = (schedule.level(t).half_log_snr for t in (schedule.last, begin))
            times = schedule.time_of(low + (high - low) * shares)
            weight = torch.full_like(shares, high - low)
        else:
            times = begin + (schedule.last - begin) * shares
            d_alpha, d_sigma = schedule.derivatives(times)
            slope = d_alpha / schedule.alpha(times) - d_sigma / schedule.sigma(times)
            weight = -slope * (schedule.last - begin)
        found = error_of(denoiser, noised(schedule, data, times, generator), labels)
        return found * weight.to(found)
