"""Points in the plane: the shapes that diffusion models are shown on, drawn from formulas, seeded.

Mean 0 and standard deviation 1 (of both coordinates together). Those that are mixtures of Gaussians are told
as a `MixtureLaw`, which knows their density and exact denoiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tasvir.errors import UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw

TRAIN, TEST = 50_000, 10_000
SEED = 2022
"""The points are the same every time; the seed of a training draws batches of them."""

Formula = Callable[[int, torch.Generator], Tensor]


def law(name: str) -> MixtureLaw | None:
    """The exact law of points that are a mixture of Gaussians, None for other shapes.

    Raises:
        UnknownNameError: No such points.
    """
    _known(name)
    return _MIXTURES[name]() if name in _MIXTURES else None


def read(name: str) -> Data:
    """The points of a name, those to test with drawn apart.

    Raises:
        UnknownNameError: No such points.
    """
    _known(name)
    generator = torch.Generator().manual_seed(SEED)
    if name in _MIXTURES:
        drawn = _MIXTURES[name]().sample(TRAIN + TEST, generator)
    else:
        drawn = _SHAPES[name](TRAIN + TEST, generator)
        drawn = (drawn - drawn.mean(0)) / (drawn - drawn.mean(0)).square().mean().sqrt()
    train, test = drawn.float().split((TRAIN, TEST))
    return Data(f"2d:{name}", "points", train, test)


def _known(name: str) -> None:
    if name not in NAMES:
        raise UnknownNameError(f"no points are called {name!r}; known: 2d:{', 2d:'.join(NAMES)}")


def _uniform(n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator, dtype=torch.float64)


def _blurred(points: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    return points + spread * torch.randn(points.shape, generator=generator, dtype=torch.float64)


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack((radius * angle.cos(), radius * angle.sin()), 1)


def _moons(n: int, generator: torch.Generator) -> Tensor:
    """Two half circles that interlock."""
    angle = math.pi * _uniform(n, generator)
    upper = _uniform(n, generator) < 0.5
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    return _blurred(torch.stack((x, y), 1), 0.08, generator)


def _swiss_roll(n: int, generator: torch.Generator) -> Tensor:
    """A spiral of one and a half turns, its radius its angle."""
    angle = 1.5 * math.pi * (1 + 2 * _uniform(n, generator))
    return _blurred(_polar(angle, angle), 0.4, generator)


def _checkerboard(n: int, generator: torch.Generator) -> Tensor:
    """Uniform on the dark half of four by four squares."""
    column = (4 * _uniform(n, generator)).floor()
    row = 2 * (2 * _uniform(n, generator)).floor() + column.remainder(2)
    return torch.stack((column + _uniform(n, generator), row + _uniform(n, generator)), 1)


def _spirals(n: int, generator: torch.Generator) -> Tensor:
    """Two arms of one and a half turns, one the other turned by half a circle."""
    angle = 3 * math.pi * _uniform(n, generator).sqrt()
    arm = math.pi * (_uniform(n, generator) < 0.5)
    return _blurred(_polar(angle, angle + arm), 0.3, generator)


def _rings(n: int, generator: torch.Generator) -> Tensor:
    """Four circles about one centre, each as likely as it is long."""
    radius = 1 + torch.multinomial(torch.arange(1.0, 5.0), n, replacement=True, generator=generator)
    return _blurred(_polar(radius.double(), 2 * math.pi * _uniform(n, generator)), 0.08, generator)


def _pinwheel(n: int, generator: torch.Generator) -> Tensor:
    """Five blades, bent the more the farther out."""
    blade = (5 * _uniform(n, generator)).floor()
    along, across = torch.randn(2, n, generator=generator, dtype=torch.float64)
    along, across = 1 + 0.3 * along, 0.05 * across
    turn = 2 * math.pi * blade / 5 + 0.25 * along.exp()
    x = along * turn.cos() - across * turn.sin()
    return torch.stack((x, along * turn.sin() + across * turn.cos()), 1)


def _mixture(means: Tensor, variance: float) -> MixtureLaw:
    """Equal round Gaussians, scaled together to mean 0 and deviation 1."""
    means = means.double() - means.double().mean(0)
    scale = (means.square().mean() + variance).sqrt()
    count = len(means)
    return MixtureLaw(
        torch.full((count,), 1 / count), means / scale, torch.full((count, 2), variance) / scale**2
    )


def _eight_gaussians() -> MixtureLaw:
    """On a circle of radius 1."""
    angle = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    return _mixture(_polar(torch.ones(8, dtype=torch.float64), angle), 0.01)


def _two_gaussians() -> MixtureLaw:
    """Side by side, four deviations apart from the middle each."""
    return _mixture(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 0.0625)


def _grid() -> MixtureLaw:
    """Five by five."""
    side = torch.arange(5, dtype=torch.float64)
    return _mixture(torch.cartesian_prod(side, side), 0.01)


_MIXTURES = {"eight-gaussians": _eight_gaussians, "grid": _grid, "two-gaussians": _two_gaussians}
_SHAPES: dict[str, Formula] = {
    "checkerboard": _checkerboard,
    "moons": _moons,
    "pinwheel": _pinwheel,
    "rings": _rings,
    "spirals": _spirals,
    "swiss-roll": _swiss_roll,
}
NAMES = tuple(sorted((*_MIXTURES, *_SHAPES)))
