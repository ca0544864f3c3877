"""What a weighting is: shares of modalities at the beginning, and what becomes of them in training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

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

    def network(self, seeds: Sequence[int], modalities: int, latent: int) -> nn.Module | None:
        """What is trained along with the models of G seeds, a stack of G; None = nothing is learned.

        What a learned weighting says of a few examples is kept as its weights after each epoch.
        """
        return None

    def shares(self, experts: Gaussian, weights: Tensor, network: nn.Module | None) -> Tensor:
        """Shares of examples, [M, G, B or 1].

        Args:
            experts: q(z | x_m), [M, G, B, D].
            weights: What is kept, [M, G, 1].
            network: As `network` made it.
        """
        return weights
