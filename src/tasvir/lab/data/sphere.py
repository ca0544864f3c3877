"""Points on the unit sphere in space, drawn from laws whose means are known, seeded.

The law of von Mises and Fisher has the density kappa / (4 pi sinh kappa) exp(kappa mu . x) and the mean (coth
kappa - 1 / kappa) mu (Mardia and Jupp 2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import UnknownNameError
from tasvir.lab.data.base import Data

TRAIN, TEST, SEED = 50_000, 10_000, 2022


@dataclass(frozen=True)
class SphereLaw:
    """A mixture of laws of von Mises and Fisher.

    Args:
        weights: [K], their sum is 1.
        centres: [K, 3] of length 1.
        concentrations: [K], kappa above 0.
    """

    weights: Tensor
    centres: Tensor
    concentrations: Tensor

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Points [n, 3] float64 (Wood 1994; in space the height is drawn in closed form)."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        kappa, centre = self.concentrations[chosen], self.centres[chosen]
        share = torch.rand(n, generator=generator, dtype=torch.float64)
        height = 1 + (share + (1 - share) * torch.exp(-2 * kappa)).log() / kappa
        around = torch.randn(n, 3, generator=generator, dtype=torch.float64)
        around = around - (around * centre).sum(1, keepdim=True) * centre
        around = around / around.norm(dim=1, keepdim=True)
        aside = (1 - height.square()).clamp(min=0).sqrt()
        found: Tensor = height[:, None] * centre + aside[:, None] * around
        return found

    def log_density(self, x: Tensor) -> Tensor:
        """Of points [N, 3], a unit of area: [N] float64."""
        kappa = self.concentrations
        scale = kappa.log() - math.log(2 * math.pi) - torch.log(-torch.expm1(-2 * kappa))
        parts = self.weights.log() + scale + kappa * (x.double() @ self.centres.T - 1)
        return parts.logsumexp(1)

    def mean(self) -> Tensor:
        """[3] float64."""
        length = 1 / torch.tanh(self.concentrations) - 1 / self.concentrations
        return (self.weights * length) @ self.centres


def _three() -> SphereLaw:
    """Two tight spots and a wide one, a right angle apart."""
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    return SphereLaw(weights, torch.eye(3, dtype=torch.float64), torch.tensor([30.0, 60.0, 8.0]).double())


def _poles() -> SphereLaw:
    """Two spots, opposite each other, as likely."""
    centres = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]], dtype=torch.float64)
    return SphereLaw(torch.full((2,), 0.5, dtype=torch.float64), centres, torch.full((2,), 20.0).double())


_LAWS = {"poles": _poles, "three-spots": _three}
NAMES = tuple(sorted(_LAWS))


def law(name: str) -> SphereLaw:
    """The exact law of points.

    Raises:
        UnknownNameError: No such points.
    """
    if name not in _LAWS:
        raise UnknownNameError(
            f"no points on the sphere are called {name!r}; known: sphere:{', sphere:'.join(NAMES)}"
        )
    return _LAWS[name]()


def read(name: str) -> Data:
    """The points of a name, those to test with drawn apart.

    Raises:
        UnknownNameError: No such points.
    """
    drawn = law(name).sample(TRAIN + TEST, torch.Generator().manual_seed(SEED)).float()
    train, test = drawn.split((TRAIN, TEST))
    return Data(f"sphere:{name}", "sphere", train, test)
