"""A network that tells variances beside its guess: twice the outputs, of which the second half is kept.

So whoever asks sees an ordinary network, and who needs the variance of that very answer finds it here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.lab.diffusion.schedules.base import Level


class VarianceNetwork(nn.Module):
    """Tells the first half of a network's outputs; `fraction` is what the last call said of the variance.

    Args:
        inner: A network made with ``outputs=2``.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.fraction = torch.zeros(())

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """x [B, C, ...], noise [B], labels [B] or None -> [B, C, ...].

        The fraction is 0 at beta-tilde and 1 at beta (thesis 4.31); a fresh network says 1 / 2, and may go
        beyond both (Nichol and Dhariwal 2021, section 3.1).
        """
        both: Tensor = self.inner(x, noise, labels)
        told, variance = both.chunk(2, 1)
        self.fraction = (variance.float() + 1) / 2
        return told

    def last_fraction(self, x: Tensor, level: Level) -> Tensor:
        """As `LearnedVariance` asks for it, right after the answer to x."""
        return self.fraction
