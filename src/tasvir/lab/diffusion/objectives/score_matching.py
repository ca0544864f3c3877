"""Denoising score matching at the levels of NCSN (Vincent 2011; Song and Ermon 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import error_of, even, noised
from tasvir.lab.diffusion.schedules.base import Schedule


class ScoreMatchingObjective(Objective):
    """1 / L sum_i sigma_i^2 / 2 E |s_theta(x_i) + eps / sigma_i|^2 / D over L levels (thesis 4.21-4.23).

    With the weight sigma^2 every level counts the same, and it is half the squared error of eps.

    Args:
        levels: L, equally spaced in time from the schedule's first level with noise to its last.

    Raises:
        SettingError: Fewer than two levels.
    """

    def __init__(self, levels: int = 50) -> None:
        if levels < 2:
            raise SettingError(f"{levels} levels: score matching at many scales needs 2 or more")
        self.levels = levels

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        times = drawn_levels(denoiser.schedule, self.levels, len(data), generator, data.device)
        return 0.5 * error_of(denoiser, noised(denoiser.schedule, data, times, generator), labels)


def drawn_levels(
    schedule: Schedule, levels: int, n: int, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Times of n levels drawn from so many, [n]; a schedule that begins at sigma = 0 leaves that one out."""
    shares = (even(n, generator, device) * levels).floor()
    from_zero = schedule.level(schedule.first).sigma == 0.0
    shares = (shares + 1) / levels if from_zero else shares / (levels - 1)
    return schedule.first + (schedule.last - schedule.first) * shares
