"""Stochastic interpolants between Gaussian noise and data (Albergo, Boffi and Vanden-Eijnden 2023)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule

Way = Literal["linear", "trigonometric"]


class InterpolantSchedule(Schedule):
    """x_t = a(t) x_0 + b(t) x_1 + c sqrt(t (1 - t)) z, x_1 and z standard normal and independent.

    Linear: a = 1 - t, b = t; trigonometric: a = cos(pi t / 2), b = sin(pi t / 2). As x_1 is Gaussian it and z
    are one noise of deviation sqrt(b^2 + c^2 t (1 - t)), which is why interpolants from noise are schedules.

    Args:
        way: linear or trigonometric.
        latent: c, how much noise there is on the way; 0 = none.

    Raises:
        SettingError: No such way, or latent below 0.
    """

    name: ClassVar[str] = "interpolant"

    def __init__(self, way: Way = "linear", latent: float = 0.0) -> None:
        if way not in get_args(Way) or not latent >= 0:
            raise SettingError(
                f"way {way!r} with latent noise {latent}: known are {', '.join(get_args(Way))}; "
                "noise must not be negative"
            )
        self.way, self.latent = way, latent

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`; sin(pi (1 - t) / 2) is cos(pi t / 2), and exactly 0 at t = 1."""
        return 1 - t if self.way == "linear" else torch.sin(math.pi / 2 * (1 - t))

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        direct = t if self.way == "linear" else torch.sin(math.pi / 2 * t)
        if self.latent == 0.0:
            return direct
        return torch.sqrt(direct**2 + self.latent**2 * t * (1 - t))
