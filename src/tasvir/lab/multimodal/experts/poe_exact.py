"""Product of posteriors with the prior counted once: exact for conditionally independent modalities.

p(z | x_1..M) is proportional to p(z) prod of p(z | x_m) / p(z): each true posterior holds the prior, and a
plain product counts it M times, one with a prior expert M + 1 times.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.multimodal.experts.base import alone
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture


class ExactPoE(PoE):
    """p(z) prod of (q(z | x_m) / p(z))^a_m; an expert wider than the prior adds no precision.

    Args:
        total: See `PoE`.
    """

    name: ClassVar[str] = "poe-exact"
    source: ClassVar[str] = "Bayes' rule; Sutter et al. 2021 discuss the prior's counts; beside thesis 3.3"

    def join(self, experts: Gaussian, shares: Tensor) -> Mixture:
        """See `Expert.join`."""
        exponents = self.exponents(shares)
        total = 1 + (exponents * (experts.precision - 1).clamp_min(0)).sum(0)
        mean = (exponents * experts.precision * experts.mean).sum(0) / total
        return alone(Gaussian(mean, -torch.log(total)))
