"""Product of experts without a prior expert (Hinton 2002; Cao and Fleet 2014; thesis 3.10-3.12)."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from tasvir.lab.multimodal.experts.base import Expert, alone, product
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture

Total = Literal["count", "one"]


class PoE(Expert):
    """prod of q(z | x_m)^a_m.

    Args:
        total: What the exponents a_m sum to: "count" = as many as there are modalities, so that equal shares
            are the classical product; "one" = 1, the geometric mean, which equal experts leave as they are.
    """

    name: ClassVar[str] = "poe"
    source: ClassVar[str] = "Hinton 2002; Cao and Fleet 2014 (weights); thesis 3.3-3.5, 3.10-3.12"

    def __init__(self, total: Total = "count") -> None:
        self.total = total

    def exponents(self, shares: Tensor) -> Tensor:
        """a_m of shares, [M, ..., B, 1]."""
        scale = (shares > 0).sum(0, keepdim=True) if self.total == "count" else 1.0
        return (shares * scale)[..., None]

    def join(self, experts: Gaussian, shares: Tensor) -> Mixture:
        """See `Expert.join`."""
        return alone(product(self.exponents(shares) * experts.precision, experts.mean))
