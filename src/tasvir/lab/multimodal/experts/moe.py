"""Mixture of experts: each posterior as often as its weight says (Shi et al. 2019; thesis 3.13-3.14)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tasvir.lab.multimodal.experts.base import Expert, mixed
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture


class MoE(Expert):
    """sum of a_m q(z | x_m). How it is drawn from is said apart: `tasvir.lab.multimodal.mixture`."""

    name: ClassVar[str] = "moe"
    source: ClassVar[str] = "Shi et al. 2019; thesis 3.7, 3.13-3.14"

    def join(self, experts: Gaussian, shares: Tensor) -> Mixture:
        """See `Expert.join`."""
        return mixed(experts, shares.expand(experts.mean.shape[:-1]))
