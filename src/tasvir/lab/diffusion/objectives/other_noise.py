"""The simple loss under noise of another law: the squared error of what the network tells."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.noises import NoiseLaw
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.coupled import between, times_of
from tasvir.lab.diffusion.objectives.noising import squared_error


class OtherNoiseObjective(Objective):
    """E |target - told|^2 / D with eps of a law, at times even over the schedule.

    Args:
        law: Of eps.
    """

    def __init__(self, law: NoiseLaw) -> None:
        self.law = law

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        schedule = denoiser.schedule
        times = times_of(schedule, len(data), generator, data.device)
        eps = self.law.draw(data, schedule.sigma(times) / schedule.alpha(times), generator)
        return squared_error(denoiser, between(schedule, data, eps, times), labels)
