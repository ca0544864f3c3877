"""What guesses the data in a noisy x_t: networks, oracles and other people's models all stand behind this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.predictions import Prediction, convert
from tasvir.lab.diffusion.schedules.base import Level, Schedule


class Denoiser(ABC):
    """A function of (x_t, t) that tells x0, eps, score, v or velocity of a schedule."""

    prediction: Prediction
    """What `tell` returns."""
    schedule: Schedule

    @abstractmethod
    def tell(self, x: Tensor, level: Level) -> Tensor:
        """The guess in terms of `prediction`.

        Args:
            x: x_t, [B, ...].
            level: Time, alpha and sigma, the same for the whole batch.

        Returns:
            Same shape as x.
        """

    def predict(self, x: Tensor, level: Level, target: Prediction) -> Tensor:
        """The guess in the terms that are wanted.

        Raises:
            SettingError: It does not follow at this level, or the guess has another shape than x.
        """
        return convert(self.tell(x, level), x, level, self.prediction, target)


class WrappedDenoiser(Denoiser):
    """A denoiser that changes what another one tells: guidance, epsilon scaling and the like extend this."""

    name: ClassVar[str] = ""

    def __init__(self, inner: Denoiser) -> None:
        self.inner = inner
        self.schedule = inner.schedule
        self.prediction = inner.prediction

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        return self.inner.tell(x, level)
