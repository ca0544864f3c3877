"""The exact law of what a sampler returns, without drawing: for Gaussian data a walk is affine in its noise.

With a linear denoiser, x_end = c + A x_start + sum_k B_k z_k for a sampler that chooses no steps by what it
sees. Handing it basis vectors as noise, one a row of the batch, gives c, A and all B_k in one walk, and with
them mean and covariance to rounding: what is left of the distance to the true law is the sampler's own error.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import sample
from tasvir.lab.diffusion.schedules.base import Level

TOLERANCE = 1e-8
"""How far from affine a walk may be, relative to its largest number: rounding."""


@dataclass(frozen=True)
class Moments:
    """Mean [D] and covariance [D, D], float64."""

    mean: Tensor
    covariance: Tensor


def marginal(law: MixtureLaw, level: Level) -> Moments:
    """The law of alpha x_0 + sigma eps.

    Raises:
        SettingError: The law is not one Gaussian.
    """
    if len(law.weights) != 1:
        raise SettingError("exact moments of a walk need Gaussian data: a law of one component")
    spread = law.spread[0] * level.alpha**2 + level.sigma**2
    return Moments(law.means[0] * level.alpha, law.axes[0] * spread @ law.axes[0].T)


def moments_of_gaussian(sampler: Sampler, path: Path, law: MixtureLaw) -> Moments:
    """What a sampler makes of Gaussian data by its exact denoiser, begun at the exact law of the first level.

    Raises:
        SettingError: See `marginal` and `moments`.
    """
    begin = marginal(law, path.levels[0])
    return moments(OracleDenoiser(law, path.schedule), sampler, path, begin)


def moments(denoiser: Denoiser, sampler: Sampler, path: Path, begin: Moments) -> Moments:
    """Mean and covariance of what a walk returns, exact to rounding.

    Args:
        denoiser: Linear in x [B, D], row by row.
        sampler: Of fixed steps.
        path: Through which levels.
        begin: Law of x at the first level.

    Raises:
        SettingError: The walk is not affine: the denoiser is not, or steps are chosen by what is seen.
        NotFiniteError: The walk came to NaN or infinity.
    """
    size = len(begin.mean)
    basis = _Basis(_draws(sampler, path, size), size)
    end = sample(denoiser, sampler, path, basis.start(), basis).x
    shift, columns, check = end[0], end[1:-1] - end[0], end[-1]
    scale = float(end.abs().max())
    if not float((shift + columns.sum(0) - check).abs().max()) <= TOLERANCE * scale:
        raise SettingError(f"the walk of {sampler.name} is not affine in its noise: its law must be drawn")
    first, rest = columns[:size], columns[size:]
    mean = shift + begin.mean @ first
    return Moments(mean, first.T @ begin.covariance @ first + rest.T @ rest)


def _draws(sampler: Sampler, path: Path, size: int) -> int:
    """How often a walk draws noise, found by answering zeros."""
    drawn = 0

    def count(like: Tensor) -> Tensor:
        nonlocal drawn
        drawn += 1
        return torch.zeros_like(like)

    walk = sampler.walk(torch.zeros(1, size, dtype=torch.float64), path, count)
    with suppress(StopIteration):
        question = next(walk)
        while True:
            question = walk.send(torch.zeros_like(question.x))
    return drawn


class _Basis:
    """Noise whose k-th draw is basis vectors in rows of its own; the last row is all ones, as a check.

    Rows: one for the shift, D for the start, D for each of ``draws`` draws, and the check.
    """

    def __init__(self, draws: int, size: int) -> None:
        self.rows, self.size = 2 + size * (1 + draws), size
        self.drawn = 0

    def start(self) -> Tensor:
        """x at the first level, [rows, D]."""
        return self._at(1)

    def __call__(self, like: Tensor) -> Tensor:
        self.drawn += 1
        return self._at(1 + self.size * self.drawn)

    def _at(self, row: int) -> Tensor:
        drawn = torch.zeros(self.rows, self.size, dtype=torch.float64)
        if row + self.size < self.rows:
            drawn[row : row + self.size] = torch.eye(self.size, dtype=torch.float64)
        drawn[-1] = 1.0
        return drawn
