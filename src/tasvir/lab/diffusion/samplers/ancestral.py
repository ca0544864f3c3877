"""Ancestral sampling (Ho, Jain and Abbeel 2020): backwards through the chain that added the noise."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from tasvir.errors import UnknownNameError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.variances import VARIANCES, ReverseStep, Variance, fresh


class AncestralSampler(Sampler):
    """Mean of q(x_s | x_t, x_0) with the guessed x_0, plus noise (thesis table 4.1, with 4.9's bars right).

    With the variance beta-tilde it is DDIM with eta = 1, and exponential Euler for the reverse SDE.

    Args:
        variance: "beta-tilde" (4.9), "beta", or a function: `OptimalVariance` (4.43), `LearnedVariance`
            (4.31).

    Raises:
        UnknownNameError: No variance has that name.
    """

    name: ClassVar[str] = "ancestral"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, variance: str | Variance = "beta-tilde") -> None:
        if isinstance(variance, str) and variance not in VARIANCES:
            raise UnknownNameError(f"no variance is called {variance!r}; known: {', '.join(VARIANCES)}")
        self.variance: Variance = VARIANCES[variance] if isinstance(variance, str) else variance

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            step = ReverseStep(here, there)
            x0 = yield Question(x, here, "x0")
            x = fresh(step.mean(x, x0), self.variance(step, x), noise)
        return x
