"""ParaDIGMS (Shih et al. 2023): Picard's iteration on many steps of DDIM at once.

With y = x / alpha the run is a sum, y_i = y_0 + sum of (r_{j+1} - r_j) eps(x_j, r_j). Each sweep asks about
all x_j of a window as they are now, puts them into the sum, and moves the window past what has come to rest.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import ddim_step
from tasvir.lab.diffusion.schedules.base import Level


class ParadigmsSampler(Sampler):
    """DDIM's result in fewer sweeps than steps, by more questions; those of one sweep could be asked at once.

    Args:
        tolerance: How far x may have moved in a sweep and count as at rest, root mean square of the worst
            example in units of sigma; 0 gives DDIM's result, after at most as many sweeps as steps.
        window: Steps a sweep; None = all.

    Raises:
        SettingError: A negative tolerance, or a window below 1.
    """

    name: ClassVar[str] = "paradigms"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = None

    def __init__(self, tolerance: float = 1e-2, window: int | None = None) -> None:
        if not tolerance >= 0 or (window is not None and window < 1):
            raise SettingError(
                f"tolerance {tolerance:g}, window {window}: they must be at least 0 and at least 1"
            )
        self.tolerance, self.window = tolerance, window

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        levels = list(path.levels)
        if levels[0].alpha == 0.0:
            x = yield from ddim_step(x, levels[0], levels[1])
            del levels[0]
        steps, begin = len(levels) - 1, 0
        scaled = [x / levels[0].alpha] * (steps + 1)
        while begin < steps:
            end = min(begin + (self.window or steps), steps)
            told = []
            for place in range(begin, end):
                told.append((yield Question(scaled[place] * levels[place].alpha, levels[place], "eps")))
            before = scaled[begin + 1 : end + 1]
            for place, eps in zip(range(begin, end), told, strict=True):
                step = levels[place + 1].ratio - levels[place].ratio
                scaled[place + 1] = torch.add(scaled[place], eps, alpha=step)
            scaled[end + 1 :] = [scaled[end]] * (steps - end)
            begin = self._at_rest(begin, end, before, scaled, levels)
        return scaled[-1] * levels[-1].alpha

    def _at_rest(
        self, begin: int, end: int, before: list[Tensor], scaled: list[Tensor], levels: list[Level]
    ) -> int:
        """The next window's beginning: a place is right if the one that it was led from was so when asked."""
        place = begin + 1
        while place < end:
            moved = (scaled[place] - before[place - begin - 1]).square_().reshape(len(scaled[0]), -1)
            if float(moved.mean(1).max().sqrt()) > self.tolerance * levels[place].ratio:
                break
            place += 1
        return place
