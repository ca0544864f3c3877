"""Guidance by a gradient: score + s grad log r(x_t) (Dhariwal and Nichol 2021; Kim et al. 2023).

With r = p(y | x_t) it is classifier guidance, thesis 4.3.2.4: the score of x_t given y at s = 1 (Bayes). With
r = p(x_t) / q(x_t), which a discriminator tells as d / (1 - d), it is discriminator guidance: it mends a
model q of p.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.guidance.base import EVERYWHERE, Guided, Interval
from tasvir.lab.diffusion.oracles.base import Law
from tasvir.lab.diffusion.predictions import factors
from tasvir.lab.diffusion.schedules.base import Level

LogValue = Callable[[Tensor, Level], Tensor]
"""log r at x [B, ...] of a level, up to a constant: [B], differentiable in x."""


class GradientGuided(Guided):
    """score + s grad log r, whatever the inner denoiser predicts; s = 0 is that one alone.

    Args:
        inner: Unconditional (with a classifier), or a model to be mended (with a discriminator).
        log_value: log r, of x under noise.
        scale: s.
        interval: Where.
    """

    name: ClassVar[str] = "gradient"
    neutral: ClassVar[float] = 0.0

    def __init__(
        self, inner: Denoiser, log_value: LogValue, scale: float = 1.0, interval: Interval = EVERYWHERE
    ) -> None:
        super().__init__(inner, scale, interval)
        self.log_value = log_value

    def guided(self, x: Tensor, level: Level) -> Tensor:
        """See `Guided.guided`.

        Raises:
            SettingError: log r is not one number an example, or does not hang on x.
        """
        with torch.enable_grad():
            at = x.detach().requires_grad_()
            values = self.log_value(at, level)
            if values.shape != (len(x),) or values.grad_fn is None:
                raise SettingError(
                    f"what guides told {tuple(values.shape)} for {len(x)} examples: it must tell one number "
                    "for each, differentiable in x"
                )
            (slope,) = torch.autograd.grad(values.sum(), at)
        _, share = factors(level, "score", self.prediction)
        return torch.add(self.inner.tell(x, level), slope, alpha=self.scale * share)


def exact_log_ratio(law: Law, other: Law) -> LogValue:
    """log of one law's density under noise over another's: a perfect classifier, or a perfect discriminator.

    Of p(x | y) over p(x) it is p(y | x) up to a constant; of the truth over a model it is d / (1 - d).
    """

    def ratio(x: Tensor, level: Level) -> Tensor:
        given = level.alpha, level.sigma
        return law.log_density(x, *given) - other.log_density(x, *given)

    return ratio
