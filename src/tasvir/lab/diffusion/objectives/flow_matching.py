"""Flow matching: the velocity of straight paths from data to noise (Lipman et al. 2023; Liu et al. 2022)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import even, noised, squared_error

Times = Literal["uniform", "logit-normal"]


class FlowMatchingObjective(Objective):
    """E |velocity - v_theta(x_t, t)|^2 / D; on the straight path the velocity is eps - x_0.

    Args:
        times: uniform, or logit-normal, which turns to the middle of the way (Esser et al. 2024).

    Raises:
        SettingError: No such law of times.
    """

    def __init__(self, times: Times = "uniform") -> None:
        if times not in get_args(Times):
            raise SettingError(f"times {times!r}: known are {', '.join(get_args(Times))}")
        self.times = times

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        shares = even(len(data), generator, data.device).clamp(1e-5, 1 - 1e-5)
        if self.times == "logit-normal":
            shares = torch.sigmoid(torch.special.ndtri(shares))
        first, last = denoiser.schedule.first, denoiser.schedule.last
        given = noised(denoiser.schedule, data, first + (last - first) * shares, generator)
        return squared_error(denoiser, given, labels)
