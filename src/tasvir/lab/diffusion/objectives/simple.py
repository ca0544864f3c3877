"""DDPM's simple loss: the squared error of eps, averaged over times (Ho et al. 2020, equation 14)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import error_of, even, noised

Weight = Literal["one", "min-snr", "p2"]


class SimpleObjective(Objective):
    """L_simple = E |eps - eps_theta(x_t, t)|^2 / D (thesis 4.14), in eps whatever the network tells.

    Args:
        steps: Times are i / steps of the schedule's span, i = 1 ... steps, as in DDPM; None = continuous.
        weight: one; min-snr: min(SNR, gamma) / SNR, which bounds the weight of x0's error (Hang et al. 2023);
            p2: 1 / (1 + SNR)^gamma, which turns away from what the eye does not see (Choi et al. 2022).
        gamma: Of min-snr (5) and p2 (1); None = that.
        smallest: Least time, as a share of the span.

    Raises:
        SettingError: No such weight, or steps below 1.
    """

    def __init__(
        self,
        steps: int | None = None,
        weight: Weight = "one",
        gamma: float | None = None,
        smallest: float = 1e-5,
    ) -> None:
        if weight not in get_args(Weight):
            raise SettingError(f"weight {weight!r}: known are {', '.join(get_args(Weight))}")
        if steps is not None and steps < 1:
            raise SettingError(f"{steps} steps: a discrete model has 1 or more")
        self.steps, self.weight, self.smallest = steps, weight, smallest
        self.gamma = gamma if gamma is not None else 5.0 if weight == "min-snr" else 1.0

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        given = noised(denoiser.schedule, data, self._times(denoiser, data, generator), generator)
        error = error_of(denoiser, given, labels)
        return error if self.weight == "one" else error * self._weights(given.snr).to(error)

    def _times(self, denoiser: NetworkDenoiser, data: Tensor, generator: torch.Generator) -> Tensor:
        shares = even(len(data), generator, data.device)
        if self.steps is not None:
            shares = (shares * self.steps).floor().add(1) / self.steps
        else:
            shares = self.smallest + (1 - self.smallest) * shares
        first, last = denoiser.schedule.first, denoiser.schedule.last
        return first + (last - first) * shares

    def _weights(self, snr: Tensor) -> Tensor:
        if self.weight == "min-snr":
            return snr.clamp(max=self.gamma) / snr
        return (1 + snr) ** -self.gamma
