"""Pictures of bytes as the laboratory has them: [N, C, H, W], float32, -1 to 1."""

from __future__ import annotations

from torch import Tensor


def scaled(levels: Tensor, count: int = 256) -> Tensor:
    """Whole numbers 0 to ``count`` - 1 as -1 + 2 k / (count - 1)."""
    return levels.float().mul_(2 / (count - 1)).sub_(1)
