"""Mixture of products of experts: a product for each set of modalities (Sutter et al. 2021)."""

from __future__ import annotations

from itertools import product as choices
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.multimodal.experts.base import Expert, mixed, shares_of
from tasvir.lab.multimodal.experts.poe import PoE, Total
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture


class MoPoE(Expert):
    """Mean over the non-empty sets of modalities of their products; a set weighs the mean of its shares.

    Args:
        total: See `PoE`.
    """

    name: ClassVar[str] = "mopoe"
    source: ClassVar[str] = "Sutter et al. 2021"

    def __init__(self, total: Total = "count") -> None:
        self.product = PoE(total)

    def join(self, experts: Gaussian, shares: Tensor) -> Mixture:
        """See `Expert.join`."""
        whole = shares.expand(experts.mean.shape[:-1])
        parts: list[Gaussian] = []
        weights: list[Tensor] = []
        for chosen in choices((False, True), repeat=len(whole)):
            if not any(chosen):
                continue
            here = torch.tensor(chosen, device=whole.device).view(-1, *(1,) * (whole.ndim - 1))
            part = self.product.join(experts, shares_of(whole, here)).components[0]
            parts.append(part)
            complete = ((whole > 0) | ~here).all(0)
            weights.append(
                torch.where(complete, (whole * here).sum(0) / sum(chosen), torch.zeros_like(whole[0]))
            )
        joint = Gaussian(torch.stack([p.mean for p in parts]), torch.stack([p.log_variance for p in parts]))
        return mixed(joint, shares_of(torch.stack(weights)))
