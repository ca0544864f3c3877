"""What an oracle is: a law of data that knows what becomes of it under noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.schedules.base import Level, Schedule


class Law(ABC):
    """A distribution on R^D; everything exact, in float64 unless x is of another type."""

    name: ClassVar[str]
    dimension: int

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """[n, D] draws."""

    @abstractmethod
    def log_density(self, x: Tensor, alpha: float = 1.0, sigma: float = 0.0) -> Tensor:
        """log p of alpha x_0 + sigma eps at x [N, D], in nats: [N]."""

    @abstractmethod
    def denoise(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """E[x_0 | alpha x_0 + sigma eps = x], [N, D]."""

    def score(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """grad log p of alpha x_0 + sigma eps at x: (alpha E[x_0 | x] - x) / sigma^2 (Tweedie)."""
        return (alpha * self.denoise(x, alpha, sigma) - x) / sigma**2


class OracleDenoiser(Denoiser):
    """The exact denoiser of a law under a schedule."""

    prediction: Prediction = "x0"

    def __init__(self, law: Law, schedule: Schedule) -> None:
        self.law, self.schedule = law, schedule

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`; x [B, D]."""
        return self.law.denoise(x, level.alpha, level.sigma)
