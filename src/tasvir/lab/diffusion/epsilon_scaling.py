"""Epsilon scaling: told noise made smaller, against exposure bias (Ning et al. 2024; thesis 4.3.2.3).

In training a network sees x_t made of data; when sampling it sees its own earlier mistakes, and tells noise
that is too large by a few per mille. Errors add up along the walk; dividing by that factor takes them away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser, WrappedDenoiser
from tasvir.lab.diffusion.predictions import convert
from tasvir.lab.diffusion.schedules.base import Level

Factor = float | Callable[[Level], float]


class EpsilonScaled(WrappedDenoiser):
    """eps / b, with b a number or a function of the level; b = 1 changes nothing.

    Args:
        inner: Who tells too much.
        factor: b: how much too large its eps is. The paper's uniform one is 1.005 to 1.02.

    Raises:
        SettingError: A factor that is not positive.
    """

    name: ClassVar[str] = "epsilon-scaling"

    def __init__(self, inner: Denoiser, factor: Factor) -> None:
        super().__init__(inner)
        self.factor = factor
        if not callable(factor):
            _checked(factor)

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        factor = _checked(self.factor(level)) if callable(self.factor) else self.factor
        if factor == 1.0:
            return self.inner.tell(x, level)
        eps = self.inner.predict(x, level, "eps") / factor
        return convert(eps, x, level, "eps", self.prediction)


def _checked(factor: float) -> float:
    if not 0 < factor < float("inf"):
        raise SettingError(f"eps is divided by {factor}: give a positive number")
    return factor
