"""Multimodal JS divergence: a mixture of experts and a dynamic prior (Sutter, Daunhawer, Vogt 2020)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture


class MmJSD(MoE):
    """The mixture of experts; its divergence is the generalised JS divergence of experts and prior.

    The dynamic prior is the geometric mean of experts and N(0, I), each by its weight, so every term is
    closed. It may be below the mixture's KL divergence to N(0, I) or above, so the objective is no bound of
    log p(x).

    Args:
        prior: Weight of N(0, I) among the experts, 0 to 1; the modalities share the rest.
    """

    name: ClassVar[str] = "mmjsd"
    source: ClassVar[str] = "Sutter, Daunhawer and Vogt 2020"

    def __init__(self, prior: float = 0.5) -> None:
        self.prior = prior

    def divergence(self, joint: Mixture, experts: Gaussian, shares: Tensor) -> Tensor:
        """See `Expert.divergence`."""
        own = ((1 - self.prior) * shares)[..., None] * experts.precision
        prior = 1 - (1 - self.prior) * shares.sum(0)  # all of it where every modality is missing
        total = prior[..., None] + own.sum(0)
        mean = (own * experts.mean).sum(0) / total
        dynamic = Gaussian(mean, -total.log())
        standard = Gaussian(mean * 0, mean * 0)
        apart = (shares * experts.kl_to(dynamic)).sum(0)
        return (1 - self.prior) * apart + prior * standard.kl_to(dynamic)
