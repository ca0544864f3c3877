"""What a weighting is: shares of modalities at the beginning, and what becomes of them in training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from tasvir.lab.multimodal.gaussian import Gaussian


class Weighting(ABC):
    """A rule. One file each; a line in ``tasvir.lab.weightings`` makes it known."""

    name: ClassVar[str]
    source: ClassVar[str]
    needs_divergences: ClassVar[bool] = False
    """Whether `updated` wants to know how well modalities generate one another."""

    @abstractmethod
    def begin(self, modalities: int) -> Tensor:
        """Shares at the beginning, [M], sum 1.

        Raises:
            SettingError: It is made for another number of modalities.
        """

    def updated(self, weights: Tensor, divergences: Tensor) -> Tensor:
        """Shares after an epoch, [M, G].

        Args:
            weights: Shares so far, [M, G].
            divergences: JS divergence in nats of what modality i generates of modality j from the true j,
                [M (i), M (j), G].
        """
        return weights

    def shares(self, experts: Gaussian, weights: Tensor) -> Tensor:
        """Shares of examples [M, G, B or 1], of posteriors [M, G, B, D] and of what is kept, [M, G, 1]."""
        return weights
