"""Product of experts with the prior as one expert more (Wu and Goodman 2018; thesis 3.3)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.multimodal.experts.base import alone
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture


class PoEWithPrior(PoE):
    """p(z) prod of q(z | x_m)^a_m: right for encoders that tell likelihoods; posteriors hold the prior.

    Args:
        total: See `PoE`.
    """

    name: ClassVar[str] = "poe-prior"
    source: ClassVar[str] = "Wu and Goodman 2018; thesis 3.3"

    def join(self, experts: Gaussian, shares: Tensor) -> Mixture:
        """See `Expert.join`."""
        precisions = self.exponents(shares) * experts.precision
        total = 1 + precisions.sum(0)
        mean = (precisions * experts.mean).sum(0) / total
        return alone(Gaussian(mean, -torch.log(total)))
