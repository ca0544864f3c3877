"""A network that is told two noise levels: that of x, and that to which it shall be brought.

The second enters as one channel more that holds the same number everywhere, so that any network for examples
of one channel more will do; what it tells of that channel is dropped.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError


class TwoTimesNetwork(nn.Module):
    """F(x, noise, labels, until) out of a network for one channel more.

    Args:
        network: F(x [B, C + 1, ...], noise, labels) -> the same shape.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, x: Tensor, noise: Tensor, labels: Tensor | None = None, until: Tensor | None = None
    ) -> Tensor:
        """x [B, C, ...]; noise and until [B], log(r) / 4; until None = noise, a denoiser."""
        second = (noise if until is None else until).to(x).reshape(-1, 1, *(1,) * (x.ndim - 2))
        whole = torch.cat([x, second.expand(-1, 1, *x.shape[2:])], 1)
        told: Tensor = self.network(whole, noise, labels)
        return told[:, : x.shape[1]]

    @torch.no_grad()
    def begin_as(self, teacher: nn.Module) -> None:
        """Take over a network without the second level: what is new is 0, so that it tells the same at first.

        Raises:
            SettingError: It is a network of another kind or size, or would not tell the same.
        """
        source, own = teacher.state_dict(), self.network.state_dict()
        fits = source.keys() == own.keys() and all(_within(one, own[name]) for name, one in source.items())
        if not fits:
            raise SettingError(
                "the teacher is a network of another kind or size than the student: give the student the "
                "teacher's network options, or set fresh=true"
            )
        for name, one in source.items():
            whole = torch.zeros_like(own[name])
            whole[tuple(slice(size) for size in one.shape)] = one
            own[name] = whole
        self.network.load_state_dict(own)


def _within(one: Tensor, other: Tensor) -> bool:
    """Whether a tensor has a place in the corner of another."""
    return one.ndim == other.ndim and all(a <= b for a, b in zip(one.shape, other.shape, strict=True))
