"""Six problems to hold samplers against: laws with exact denoisers, and where the flow of each start ends.

Whatever the schedule, y = x / alpha follows dy / d log r = y - E[x_0 | y, r] with r = sigma / alpha (Karras
et al. 2022, equation 1), so one reference serves every schedule: it is integrated in log r by Gragg's method
with extrapolation (Hairer, Norsett and Wanner 1993, II.9) down to a noise that no longer matters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import UnknownNameError
from tasvir.lab.diffusion.oracles.base import Law
from tasvir.lab.diffusion.oracles.finite import FiniteLaw
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw

LAST_RATIO = 1e-6
"""From here the flow ends at the denoised point; what that leaves out is of second order in it."""
WIDTH = 0.08
"""Step of the reference in log r."""
DIVISIONS = (2, 4, 6, 8, 10)
"""Into how many each step is cut; extrapolated, of order 10."""


@dataclass(frozen=True)
class Problem:
    """A law under a name.

    Args:
        name: For people to ask by.
        law: Of the data, about the scale of the data that models are trained on.
        about: What it stands for.
    """

    name: str
    law: Law
    about: str

    def starts(self, n: int, ratio: float, seed: int = 0) -> Tensor:
        """n starting points y = x / alpha at a noise of ``ratio`` = sigma / alpha: [n, D] float64."""
        generator = torch.Generator().manual_seed(seed)
        return ratio * torch.randn(n, self.law.dimension, generator=generator, dtype=torch.float64)

    def ends(self, starts: Tensor, ratio: float, width: float = WIDTH) -> Tensor:
        """Where the probability flow leads: x_0 [n, D], to about 1e-8.

        Args:
            starts: y = x / alpha at ``ratio``, [n, D] float64.
            ratio: sigma / alpha of the start.
            width: Greatest step in log r.
        """
        return flow_end(self.law, starts, ratio, width)


def flow_end(law: Law, starts: Tensor, ratio: float, width: float = WIDTH) -> Tensor:
    """See `Problem.ends`, for any law."""

    def slope(y: Tensor, log_ratio: float) -> Tensor:
        return y - law.denoise(y, 1.0, math.exp(log_ratio))

    begin, end = math.log(ratio), math.log(LAST_RATIO)
    count = math.ceil((begin - end) / width)
    y = starts
    for i in range(count):
        y = _extrapolated(slope, y, begin + (end - begin) * i / count, (end - begin) / count)
    return law.denoise(y, 1.0, LAST_RATIO)


def _extrapolated(slope: Callable[[Tensor, float], Tensor], y: Tensor, at: float, step: float) -> Tensor:
    """One step by Gragg's method at several fineness, extrapolated to none by Aitken and Neville."""
    first = slope(y, at)
    row: list[Tensor] = []
    for j, pieces in enumerate(DIVISIONS):
        new = [_gragg(slope, y, first, at, step, pieces)]
        for k in range(j):
            ratio = (pieces / DIVISIONS[j - k - 1]) ** 2
            new.append(new[k] + (new[k] - row[k]) / (ratio - 1))
        row = new
    return row[-1]


def _gragg(
    slope: Callable[[Tensor, float], Tensor], y: Tensor, first: Tensor, at: float, step: float, pieces: int
) -> Tensor:
    """The midpoint rule in ``pieces`` leaps; its error is even in their length."""
    leap = step / pieces
    before, here = y, y + leap * first
    for i in range(1, pieces):
        before, here = here, before + 2 * leap * slope(here, at + i * leap)
    return 0.5 * (before + here + leap * slope(here, at + step))


def problem(name: str) -> Problem:
    """One of `PROBLEMS`.

    Raises:
        UnknownNameError: There is none of this name.
    """
    if name not in PROBLEMS:
        raise UnknownNameError(f"no oracle problem is called {name!r}; known: {', '.join(PROBLEMS)}")
    law, about = PROBLEMS[name]
    return Problem(name, law(), about)


def _line() -> Law:
    return MixtureLaw(
        torch.tensor([0.3, 0.5, 0.2]),
        torch.tensor([[-1.5], [0.0], [1.0]]),
        torch.tensor([[0.04], [0.01], [0.09]]),
    )


def _correlated() -> Law:
    return MixtureLaw.gaussian(torch.tensor([0.3, -0.5]), torch.tensor([[1.0, 0.6], [0.6, 0.5]]))


def _ring() -> Law:
    angles = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    means = torch.stack([angles.cos(), angles.sin()], dim=1)
    return MixtureLaw(torch.ones(8), means, torch.full((8, 2), 0.01))


def _scales() -> Law:
    dice = torch.Generator().manual_seed(8)
    means = 0.7 * torch.randn(5, 8, generator=dice, dtype=torch.float64)
    deviations = torch.logspace(math.log10(0.05), 0.0, 8, dtype=torch.float64)
    factors = 0.5 + torch.rand(5, 1, generator=dice, dtype=torch.float64)
    return MixtureLaw(torch.tensor([0.1, 0.3, 0.2, 0.25, 0.15]), means, (factors * deviations) ** 2)


def _manifold() -> Law:
    dice = torch.Generator().manual_seed(16)
    means = 0.5 * torch.randn(4, 16, generator=dice, dtype=torch.float64)
    plane = 0.5 * torch.randn(4, 16, 3, generator=dice, dtype=torch.float64)
    return MixtureLaw(torch.ones(4), means, plane @ plane.mT)


def _finite() -> Law:
    dice = torch.Generator().manual_seed(64)
    rough = torch.randn(50, 1, 8, 8, generator=dice, dtype=torch.float64)
    smooth = torch.nn.functional.avg_pool2d(rough, 3, stride=1, padding=1)  # neighbours alike, as in pictures
    return FiniteLaw((3.0 * smooth).tanh().reshape(50, 64))


PROBLEMS: dict[str, tuple[Callable[[], Law], str]] = {
    "line": (_line, "three Gaussians on a line"),
    "correlated": (_correlated, "one Gaussian in the plane, its coordinates correlated"),
    "ring": (_ring, "eight narrow Gaussians on a circle in the plane"),
    "scales": (_scales, "five Gaussians in 8 dimensions whose deviations span a factor of 20"),
    "manifold": (_manifold, "four flat Gaussians, each of 3 dimensions within 16: the data fill no volume"),
    "finite": (_finite, "fifty given points in 64 dimensions: what a model that learnt by heart tells"),
}
"""name -> (its law, what it stands for)."""
