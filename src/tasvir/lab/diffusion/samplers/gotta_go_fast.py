"""The adaptive solver of the reverse SDE (Jolicoeur-Martineau et al. 2021, "Gotta go fast", algorithm 1)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.brownian import BrownianPath
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.improved_euler import trial

SAFETY, EXPONENT = 0.9, 0.9
"""theta and r of the paper: the next step is theta E^-r times this one."""
SHORTEST = 1e-10
"""Of the whole way: a step this short is no step."""


class GottaGoFastSampler(Sampler):
    """Steps of the improved Euler method, as long as its distance from Euler-Maruyama's allows.

    E = |(x'' - x') / max(absolute, relative max(|x'|, |x'_prev|))|, the root mean square over the numbers of
    an example, the largest of the batch (thesis 4.38, printed as max(a - b)). E <= 1 takes x''. A step that
    is not taken gives its noise back (`brownian`), and its first question need not be asked again: two
    questions a taken step, one a rejected one. Of the path only the ends count, and the first step's length.

    Args:
        absolute: Tolerance in the units of x; the paper's for pictures of -1 to 1 is 2 / 256.
        relative: Tolerance relative to x.

    Raises:
        SettingError: A tolerance is not positive.
    """

    name: ClassVar[str] = "gotta-go-fast"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = None

    def __init__(self, absolute: float = 2 / 256, relative: float = 0.02) -> None:
        if absolute <= 0 or relative < 0:
            raise SettingError(f"tolerances {absolute} and {relative}: above 0, and not below 0")
        self.absolute, self.relative = absolute, relative

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`.

        Raises:
            SettingError: The SDE has no finite drift where the path begins.
            NotFiniteError: Steps come to nothing: the denoiser gives NaN, or the tolerance cannot be met.
        """
        here, end = path.levels[0], [level for level in path.levels if level.sigma > 0][-1]
        whole = here.t - end.t
        length, before, brownian = here.t - path.levels[1].t, x, BrownianPath(x, noise)
        score = None
        while here.t > end.t:
            there = path.schedule.level(max(here.t - length, end.t))
            length = here.t - there.t
            if score is None:
                score = yield Question(x, here, "score")
            increment = brownian.take(length)
            low, high = yield from trial(x, score, here, there, increment)
            error = self._error(low, high, before)
            if error <= 1:
                x, here, before, score = high, there, low, None
            else:
                brownian.give_back(length, increment)
            length *= SAFETY * max(error, 1e-6) ** -EXPONENT
            if not length > SHORTEST * whole:
                raise NotFiniteError(
                    f"the steps of {self.name} come to nothing at time {here.t:g}: the network gave NaN or "
                    "infinity, or the tolerances are too small"
                )
        if path.levels[-1].sigma == 0.0:
            x0 = yield Question(x, here, "x0")
            return x0 * path.levels[-1].alpha
        return x

    def _error(self, low: Tensor, high: Tensor, before: Tensor) -> float:
        """The thesis' 4.38; NaN and infinity stay what they are."""
        allowed = (torch.maximum(low.abs(), before.abs()) * self.relative).clamp(min=self.absolute)
        return math.sqrt(float(((high - low) / allowed).square().flatten(1).mean(1).max()))
