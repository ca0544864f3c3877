"""Improved DDPM's hybrid loss: eps by the simple loss, variances by the bound (Nichol and Dhariwal 2021).

L = L_simple + w T L_{i-1} for a step i drawn evenly from a chain of T, so that the last part has the mean of
w times the whole bound. It sees the guess of eps without its gradient and teaches the variances alone (their
section 3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.decoders import discretised_gaussian
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.variance import VarianceNetwork
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import even, noised, target
from tasvir.lab.diffusion.predictions import factors_at
from tasvir.lab.diffusion.schedules.base import Schedule, shaped


class HybridObjective(Objective):
    """L_simple + weight * L_vlb over a chain of unit steps of time (thesis 4.31), in nats a dimension.

    Args:
        chain: T, steps of the chain, equally spaced in the schedule's time.
        levels: Of the data, for the last step's decoder; None = real numbers, a Gaussian one.
        weight: Of the bound.
    """

    def __init__(self, chain: int, levels: int | None, weight: float = 1e-3) -> None:
        self.chain, self.levels, self.weight = chain, levels, weight

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`.

        Raises:
            SettingError: The network tells no variances.
        """
        network = denoiser.network
        if not isinstance(network, VarianceNetwork):
            raise SettingError("the hybrid loss needs a network that tells variances: use a VarianceNetwork")
        schedule = denoiser.schedule
        step = (schedule.last - schedule.first) / self.chain
        number = (even(len(data), generator, data.device) * self.chain).floor() + 1
        given = noised(schedule, data, schedule.first + number * step, generator)
        wrong = target(given, schedule, denoiser.prediction) - denoiser.at(given.x, given.times, labels)
        eps_gain, x0_gain = (
            shaped(factors_at(schedule, given.times, denoiser.prediction, wanted)[1], data)
            for wanted in ("eps", "x0")
        )
        simple = (wrong * eps_gain).square().flatten(1).mean(1)
        guess = data - wrong.detach() * x0_gain  # of x0, by the same network's answer
        bound = self._term(schedule, given.times, step, data, guess, network.fraction)
        return simple + self.weight * self.chain * bound

    def _term(
        self, schedule: Schedule, times: Tensor, step: float, data: Tensor, guess: Tensor, fraction: Tensor
    ) -> Tensor:
        """L_{i-1} of 4.7, or L_0 in the first step, a dimension: [B]."""
        first = times < schedule.first + 1.5 * step
        log_true, log_told, share = reverse_law(schedule, times, step, fraction)
        apart = (shaped(share, data) * (data - guess)).square()
        divergence = 0.5 * (log_told - log_true + torch.exp(log_true - log_told) - 1)
        divergence = divergence + 0.5 * apart * torch.exp(-log_told)
        decoded = -discretised_gaussian(data, guess, torch.exp(log_told / 2), self.levels).to(data)
        return torch.where(shaped(first, data).bool(), decoded, divergence).flatten(1).mean(1)


def reverse_law(
    schedule: Schedule, times: Tensor, step: float, fraction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the step from t to t - step: log beta-tilde, the log of the told variance (4.31), x_0's share (4.9).

    In the first step beta-tilde is 0, and that of the second stands in its place (Nichol and Dhariwal).

    Args:
        schedule: Of the chain.
        times: [B] float64.
        step: Time between two steps.
        fraction: What the network said, [B, ...].

    Returns:
        [B, 1, ...], the shape of ``fraction``, and [B].
    """
    before = times - step
    second = times.clamp(min=schedule.first + 2 * step)
    gone = -torch.expm1(2 * (schedule.half_log_snr(times) - schedule.half_log_snr(before)))
    gone_again = -torch.expm1(2 * (schedule.half_log_snr(second) - schedule.half_log_snr(second - step)))
    log_tilde = 2 * schedule.sigma(second - step).log() + gone_again.log()
    log_beta = 2 * schedule.sigma(times).log() + gone.log()
    low, high = shaped(log_tilde, fraction), shaped(log_beta, fraction)
    told: Tensor = fraction * high + (1 - fraction) * low
    return low, told, schedule.alpha(before) * gone
