"""Draws that belong to a seed: the same whatever other seeds are in the stack, and after a resumption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

ORDER, NOISE = 0, 1
"""Streams of a seed."""


class Dice:
    """Draws of G seeds at one step.

    Args:
        seeds: G of them.
        stream: What is drawn for.
        step: Which time.
        device: Where the draws go.
    """

    def __init__(
        self, seeds: Sequence[int], stream: int, step: int, device: torch.device | None = None
    ) -> None:
        self.each = [np.random.default_rng([seed, stream, step]) for seed in seeds]
        self.device = device

    def normal(self, *shape: int) -> Tensor:
        """Standard normal, [G, *shape] float32."""
        drawn = [one.standard_normal(shape, dtype=np.float32) for one in self.each]
        return torch.from_numpy(np.stack(drawn)).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """In 0 to 1, [G, *shape] float32."""
        drawn = [one.random(shape, dtype=np.float32) for one in self.each]
        return torch.from_numpy(np.stack(drawn)).to(self.device)

    def order(self, count: int) -> Tensor:
        """0 to count - 1 in an order of each seed, [G, count] int64."""
        return torch.from_numpy(np.stack([one.permutation(count) for one in self.each])).to(self.device)
