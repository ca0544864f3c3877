"""Samplers that choose their own steps: a trial, its error by a second formula, a longer or shorter step.

The control is the elementary one (Hairer, Norsett and Wanner 1993, section II.4): with an error E in units of
the tolerance, the next step is 0.9 E^(-1/q) as long, between a fifth and five times.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import ddim_step
from tasvir.lab.diffusion.schedules.base import Level, Schedule

SAFETY, LEAST, MOST = 0.9, 0.2, 5.0


class Trial(NamedTuple):
    """A step that may be thrown away.

    Args:
        x: Where it leads.
        away: How far the two formulas lie apart.
        opening: The answer at its beginning, kept if the step is not.
        closing: The answer at its end, where it was asked for.
    """

    x: Tensor
    away: Tensor
    opening: Tensor
    closing: Tensor | None


Trying = Generator[Question, Tensor, Trial]


class AdaptiveSampler(Sampler):
    """Goes from the path's first level to its last above sigma = 0; the levels between are not used.

    The path's first step is the first that is tried. The error is the root mean square over an example's
    numbers, the largest of the batch, and does not depend on how a schedule scales x. From where no data is
    left the path's first step is DDIM's, and so is its last to sigma = 0.

    Args:
        rtol: Tolerance relative to the larger of |x| before and after a step, both in the size of after.
        atol: Absolute tolerance for x in the size of a variance-preserving schedule's.

    Raises:
        SettingError: A tolerance is not positive.
    """

    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = None
    trials: ClassVar[int] = 10_000
    """After so many it gives up."""
    error_order: ClassVar[int]
    """q: the estimated error of one step is of this order."""

    def __init__(self, rtol: float, atol: float) -> None:
        if not (rtol > 0 and atol > 0):
            raise SettingError(f"rtol {rtol:g} and atol {atol:g}: tolerances must be positive")
        self.rtol, self.atol = rtol, atol

    @abstractmethod
    def place(self, level: Level) -> float:
        """The level in the variable that steps are counted in."""

    @abstractmethod
    def level(self, schedule: Schedule, place: float) -> Level:
        """The level at a place."""

    @abstractmethod
    def trial(self, x: Tensor, here: Level, there: Level, opening: Tensor | None) -> Trying:
        """One step, and how far two formulas lie apart; ``opening`` where the answer is known already."""

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        levels = list(path.levels)
        if levels[0].alpha == 0.0:
            x = yield from ddim_step(x, levels[0], levels[1])
            del levels[0]
        beyond = levels.pop() if levels[-1].sigma == 0.0 else None
        if len(levels) > 1:
            x = yield from self._between(x, levels[0], levels[-1], levels[1])
        if beyond is not None and levels:
            x = yield from ddim_step(x, levels[-1], beyond)
        return x

    def _between(self, x: Tensor, here: Level, last: Level, guess: Level) -> Walk:
        goal, step, opening = self.place(last), self.place(guess) - self.place(here), None
        for _ in range(self.trials):
            if here is last:
                return x
            at = self.place(here)
            reaches = abs(step) * (1 + 1e-6) >= abs(goal - at)
            there = last if reaches else self.level(here.schedule, at + step)
            tried = yield from self.trial(x, here, there, opening)
            error = self._error(
                tried, x, math.hypot(here.alpha, here.sigma), math.hypot(there.alpha, there.sigma)
            )
            step = (goal - at if reaches else step) * self._factor(error)
            if error <= 1.0:
                x, here, opening = tried.x, there, tried.closing
            else:
                opening = tried.opening
        raise SettingError(
            f"after {self.trials:,} trial steps the walk has come to time {here.t:g}, not to {last.t:g}: "
            f"allow more than rtol {self.rtol:g} and atol {self.atol:g}, or compute in float64"
        )

    def _error(self, tried: Trial, x: Tensor, before: float, after: float) -> float:
        """Root mean square of what two formulas differ by, in units of the tolerance: the worst example's.

        ``before`` and ``after`` are the sizes of x that the levels give data of deviation 1: without them
        a long step down from great noise would be judged by the size of the noise.
        """
        size = torch.maximum(x.abs() * (after / before), tried.x.abs())
        allowed = size.mul_(self.rtol).add_(self.atol * after)
        squares = (tried.away / allowed).square_().reshape(len(x), -1)
        error = float(squares.mean(1).max().sqrt())
        if not math.isfinite(error):
            raise NotFiniteError(
                "the error of a trial step is not finite: the network gave NaN or infinity, or the first "
                "step is too long: give the path more steps"
            )
        return error

    def _factor(self, error: float) -> float:
        return MOST if error == 0.0 else min(MOST, max(LEAST, SAFETY * error ** (-1 / self.error_order)))
