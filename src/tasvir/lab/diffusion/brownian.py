"""A Brownian path found out piece by piece, forwards only, whose pieces can be given back and cut smaller.

An adaptive solver that threw a rejected step's noise away would keep the kind noise and so bias the law. Here
what is given back stays true: a shorter piece is drawn by the bridge, W(q) | W(L) ~ N(q / L W(L), q (L - q) /
L), and the rest waits for the next step (Rackauckas and Nie 2017, rejection sampling with memory).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.lab.diffusion.samplers.base import Noise


class BrownianPath:
    """Increments of one path, drawn when they are asked for.

    Args:
        like: Gives shape, type and place.
        noise: What they are drawn from.
    """

    def __init__(self, like: Tensor, noise: Noise) -> None:
        self._like, self._noise = like, noise
        self._known: list[tuple[float, Tensor]] = []

    def take(self, length: float) -> Tensor:
        """The increment over the next ``length`` of time, above 0."""
        taken = torch.zeros_like(self._like)
        while length > 0 and self._known:
            known, increment = self._known.pop()
            if known > length:
                spread = math.sqrt(length * (known - length) / known)
                part = torch.add(increment * (length / known), self._noise(increment), alpha=spread)
                self._known.append((known - length, increment - part))
                return taken + part
            taken, length = taken + increment, length - known
        return torch.add(taken, self._noise(taken), alpha=math.sqrt(length)) if length > 0 else taken

    def give_back(self, length: float, increment: Tensor) -> None:
        """Undo the last `take`: the path over that time stays as it was found, however it is cut later."""
        self._known.append((length, increment))
