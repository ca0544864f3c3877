"""Gaussian diffusion with blur: every frequency has an alpha of its own (Hoogeboom and Salimans 2022).

u = DCT(x): u_t = a_t u_0 + sigma_t eps with a_t = alpha_t d_t, d_t = (1 - d_min) exp(-lambda b_t^2 / 2) +
d_min and b_t = b sin^2(pi t / 2). eps is white, so it is the same in pixels. Without blur it is the VP model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.frequencies import kept, to_frequencies, to_pixels
from tasvir.lab.diffusion.schedules.base import Level, Schedule, shaped

LEAST = 0.001
"""d_min: what is left of the finest frequencies."""


@dataclass(frozen=True)
class Blurring:
    """Which x_t is seen at which time.

    Args:
        schedule: alpha and sigma, from time 0 to 1.
        blur: b, standard deviation of the blur at t = 1, pixels.

    Raises:
        SettingError: The blur is below 0.
    """

    schedule: Schedule
    blur: float

    def __post_init__(self) -> None:
        if not self.blur >= 0:
            raise SettingError(f"a blur of {self.blur} pixels: it must be 0 or more")

    def alphas(self, t: Tensor, shape: tuple[int, ...]) -> Tensor:
        """a_t at times [B] of pictures [..., H, W]: [B, 1, H, W] float64."""
        width = self.blur * torch.sin(math.pi / 2 * t.double()) ** 2
        share = (1 - LEAST) * kept(width, shape) + LEAST if self.blur else kept(0 * width, shape)
        return self.schedule.alpha(t.double())[:, None, None, None] * share

    def noised(self, data: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t of pictures [B, C, H, W] at times [B]."""
        alphas = self.alphas(t, tuple(data.shape)).to(data)
        return to_pixels(to_frequencies(data) * alphas) + shaped(self.schedule.sigma(t.double()), data) * eps

    def back(self, x: Tensor, eps: Tensor, here: Level, there: Level, fresh: Tensor) -> Tensor:
        """A draw of q(x_s | x_t, x_0) with the x_0 that eps means.

        Args:
            x: x_t, [B, C, H, W].
            eps: What the network tells of it.
            here: At t.
            there: At s < t; where sigma is 0 nothing is drawn.
            fresh: Standard normal, the shape of x.
        """
        late, early = (
            self.alphas(torch.tensor([one.t], dtype=torch.float64), tuple(x.shape)) for one in (here, there)
        )
        shrink = late / early
        added = here.sigma**2 - (shrink * there.sigma) ** 2
        mean = to_frequencies(x) / shrink.to(x) - (added / (shrink * here.sigma)).to(x) * to_frequencies(eps)
        spread = (added.clamp(min=0).sqrt() * there.sigma / here.sigma).to(x)
        return to_pixels(mean + spread * to_frequencies(fresh))
