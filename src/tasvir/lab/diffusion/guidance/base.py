"""What every guidance has: a scale, and the noise levels between which it is switched on.

One convention of scales: **s = 1 is the law itself** where the parts are exact, as in diffusers. Papers that
count from w = 0 (Ho and Salimans 2022; azula) mean s = 1 + w. Above 1 no guided denoiser is that of a law
p(x) p(y|x)^s under noise: it is a heuristic (tested on Gaussians), however well it serves.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser, WrappedDenoiser
from tasvir.lab.diffusion.schedules.base import Level


@dataclass(frozen=True)
class Interval:
    """Noise levels sigma / alpha, both ends included (Kynkäänniemi et al. 2024).

    Raises:
        SettingError: It ends below its beginning.
    """

    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise SettingError(f"guidance from noise level {self.low} to {self.high}: give 0 <= low <= high")

    def holds(self, level: Level) -> bool:
        return self.low <= level.ratio <= self.high


EVERYWHERE = Interval()


class Guided(WrappedDenoiser):
    """A denoiser with a pull; outside the interval, and at the scale that pulls nothing, the inner one alone.

    Args:
        inner: Who is guided; its schedule and prediction are kept.
        scale: How much.
        interval: Where.

    Raises:
        SettingError: A scale that is not a finite number.
    """

    neutral: ClassVar[float]
    """The scale that changes nothing."""

    def __init__(self, inner: Denoiser, scale: float, interval: Interval = EVERYWHERE) -> None:
        super().__init__(inner)
        if not math.isfinite(scale):
            raise SettingError(f"guidance scale {scale}: give a finite number")
        self.scale, self.interval = scale, interval

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        if self.scale == self.neutral or not self.interval.holds(level):
            return self.inner.tell(x, level)
        return self.guided(x, level)

    @abstractmethod
    def guided(self, x: Tensor, level: Level) -> Tensor:
        """The guess with the pull, in terms of `prediction`."""
