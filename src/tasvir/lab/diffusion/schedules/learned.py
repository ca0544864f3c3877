"""A schedule that is learned: VDM's monotone network of the log-SNR (Kingma et al. 2021)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class LearnedSchedule(nn.Module, Schedule):
    """VP: sigma^2 = sigmoid(gamma(t)), alpha^2 = sigmoid(-gamma(t)), gamma = -log SNR rising from end to end.

    gamma(t) = g0 + (g1 - g0) (m(t) - m(0)) / (m(1) - m(0)), m(t) = w t + sum_k v_k S(a_k t + c_k) with w, v,
    a positive and S the logistic function (thesis 4.3.1.2; Kingma et al. 2021, appendix H). The end points g0
    and g1 are parameters too: the bound depends on them, the curve between them only changes the variance of
    its estimate. Gradients reach all parameters through `alpha`, `sigma`, `gamma` and `gamma_slope`; levels
    keep the numbers that held when they were made. It begins as a straight line but for a small bend.

    Args:
        gamma_min: g0 at first, -log SNR of the data's end; sigma = 0 is never reached.
        gamma_max: g1 at first.
        width: Number of logistic terms.
        seed: Of the initial bends.

    Raises:
        SettingError: The ends do not rise, or the width is below 1.
    """

    name: ClassVar[str] = "learned"

    def __init__(
        self, gamma_min: float = -13.3, gamma_max: float = 5.0, width: int = 64, seed: int = 0
    ) -> None:
        if not gamma_min < gamma_max or width < 1:
            raise SettingError(
                f"gamma from {gamma_min} to {gamma_max} must rise, and width {width} be 1 or more"
            )
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.rand(2, width, generator=generator, dtype=torch.float64)
        self.ends = nn.Parameter(torch.tensor([gamma_min, gamma_max], dtype=torch.float64))
        self.line = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.weights = nn.Parameter(torch.full((width,), -6.0, dtype=torch.float64))
        self.steepness = nn.Parameter(1.0 + 8.0 * drawn[0])
        self.places = nn.Parameter(drawn[1].clone())

    def gamma(self, t: Tensor) -> Tensor:
        """-log(alpha^2 / sigma^2), type and place of the parameters; t of any shape."""
        low, high = self._monotone(torch.tensor([0.0, 1.0]).to(self.ends))
        begin, end = self.ends
        gamma: Tensor = begin + (end - begin) * (self._monotone(t.to(self.ends)) - low) / (high - low)
        return gamma

    def gamma_slope(self, t: Tensor) -> Tensor:
        """d gamma / dt, positive."""
        low, high = self._monotone(torch.tensor([0.0, 1.0]).to(self.ends))
        weights, steepness = functional.softplus(self.weights), functional.softplus(self.steepness)
        share = torch.sigmoid(steepness * (t.to(self.ends)[..., None] - self.places))
        rise = functional.softplus(self.line) + (weights * steepness * share * (1 - share)).sum(-1)
        begin, end = self.ends
        slope: Tensor = (end - begin) * rise / (high - low)
        return slope

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return torch.sigmoid(-self.gamma(t)).sqrt().to(t)

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return torch.sigmoid(self.gamma(t)).sqrt().to(t)

    def half_log_snr(self, t: Tensor) -> Tensor:
        """See `Schedule.half_log_snr`."""
        return (-self.gamma(t) / 2).to(t)

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`: alpha' = -g' alpha sigma^2 / 2, sigma' = g' sigma alpha^2 / 2."""
        alpha, sigma = self.alpha(t), self.sigma(t)
        half = (self.gamma_slope(t) / 2).to(t)
        return -half * alpha * sigma**2, half * sigma * alpha**2

    def _monotone(self, t: Tensor) -> Tensor:
        weights, steepness = functional.softplus(self.weights), functional.softplus(self.steepness)
        bends = weights * torch.sigmoid(steepness * (t[..., None] - self.places))
        rising: Tensor = functional.softplus(self.line) * t + bends.sum(-1)
        return rising
