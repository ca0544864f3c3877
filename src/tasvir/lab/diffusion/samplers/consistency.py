"""Multistep consistency sampling (Song et al. 2023, algorithm 1): jump to the data, add noise, jump again."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk


class ConsistencySampler(Sampler):
    """x = f(x, r), then x + sqrt(r'^2 - e^2) z for the next level, e the last; one step is one jump.

    Exact in law, for any number of steps, where x0 is answered by a map f that ends the probability flow at
    r = e. An answer that is a mean of x_0, as a denoiser's, makes it narrow, and more steps do not mend that:
    hence order 0.
    """

    name: ClassVar[str] = "consistency"
    order: ClassVar[float] = 0
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        last = path.levels[-1]
        for here, there in path.steps:
            x = there.alpha * (yield Question(x, here, "x0"))
            if there is not last:
                x = x + noise(x) * there.alpha * math.sqrt(there.ratio**2 - last.ratio**2)
        return x
