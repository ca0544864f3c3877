"""Laws of one number given those before it: what the networks of autoregressive families tell.

Numbers of declared levels get a probability for each level; real numbers a mixture of Gaussians, whose
density is exact in the units of the data (Bishop 1994). Neither rounds the data nor adds noise to them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from tasvir.errors import NotFiniteError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.bits import bin_width, on_levels

COMPONENTS = 24
"""Gaussians in a mixture."""
NARROWEST = 7.0
"""Least log deviation of a Gaussian, below that of the data."""


class Law(ABC):
    """A law of one number, told by ``outputs`` numbers."""

    outputs: int

    @abstractmethod
    def log_prob(self, told: Tensor, x: Tensor) -> Tensor:
        """Nats, a probability or a density: told [..., outputs], x [...] in the units of `Data` -> [...]."""

    @abstractmethod
    def draw(self, told: Tensor, generator: torch.Generator) -> Tensor:
        """One number each: told [N, outputs] -> [N]."""


class LevelsLaw(Law):
    """A probability for each of the levels that a number can take (see `Data.levels`)."""

    def __init__(self, levels: int) -> None:
        self.outputs, self.width = levels, bin_width(levels)

    def log_prob(self, told: Tensor, x: Tensor) -> Tensor:
        """See `Law.log_prob`: of the level.

        Raises:
            SettingError: Some number is on no level.
        """
        missed = nn.functional.cross_entropy(
            told.float().flatten(0, -2), on_levels(x, self.outputs).flatten(), reduction="none"
        )
        return -missed.reshape(x.shape)

    def draw(self, told: Tensor, generator: torch.Generator) -> Tensor:
        """See `Law.draw`."""
        return -1 + self.width * chosen(told, generator)


class MixtureLaw(Law):
    """A mixture of Gaussians; before anything is learnt they stand side by side over the data.

    Args:
        deviation: Of the data, which the Gaussians are measured in.
        components: How many.
    """

    def __init__(self, deviation: float, components: int = COMPONENTS) -> None:
        self.deviation, self.outputs = deviation, 3 * components
        self.begin = torch.linspace(-2, 2, components)

    def _parts(self, told: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the weights, means, log deviations; [..., components] each."""
        weight, mean, spread = told.float().chunk(3, -1)
        log_scale = (spread - 1).clamp(min=-NARROWEST) + math.log(self.deviation)
        return weight, (mean + self.begin) * self.deviation, log_scale

    def log_prob(self, told: Tensor, x: Tensor) -> Tensor:
        """See `Law.log_prob`: a density."""
        weight, mean, log_scale = self._parts(told)
        away = (x[..., None] - mean) * (-log_scale).exp()
        each = -0.5 * away.square() - log_scale - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(weight.log_softmax(-1) + each, -1)

    def draw(self, told: Tensor, generator: torch.Generator) -> Tensor:
        """See `Law.draw`."""
        weight, mean, log_scale = self._parts(told)
        which = chosen(weight, generator)[:, None]
        noise = torch.randn(len(told), generator=generator)
        return mean.gather(1, which)[:, 0] + log_scale.gather(1, which)[:, 0].exp() * noise


def chosen(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One index each by its probability: [N, K] -> [N] int64.

    Raises:
        NotFiniteError: A logit is NaN or infinite.
    """
    probabilities = logits.float().softmax(1)
    if not bool(torch.isfinite(probabilities).all()):
        raise NotFiniteError("the network told probabilities that are NaN: train again with a lower lr")
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]


def law_for(data: Data) -> Law:
    """Levels where the data have them, a mixture elsewhere."""
    return MixtureLaw(data.deviation) if data.levels is None else LevelsLaw(data.levels)
