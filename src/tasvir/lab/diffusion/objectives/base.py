"""What an objective is: a loss for every example, out of a denoiser and clean data."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser


class Objective(ABC):
    """A loss whose mean is minimised; it draws times and noise from the generator that it is given."""

    @abstractmethod
    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """Losses of a batch: data [B, ...], labels [B] int64 or None -> [B], with gradients."""
