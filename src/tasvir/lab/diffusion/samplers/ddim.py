"""DDIM (Song, Meng and Ermon 2021): keep the guessed noise and data, change their shares."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import ddim_step


class DdimSampler(Sampler):
    """x_s = alpha_s x0 + sigma_s eps, no fresh noise (thesis 4.40, sigma = 0, its eps^(2) read as eps^(t)).

    It is Euler's method in x / alpha over sigma / alpha (4.41), and DPM-Solver-1.
    """

    name: ClassVar[str] = "ddim"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            x = yield from ddim_step(x, here, there)
        return x
