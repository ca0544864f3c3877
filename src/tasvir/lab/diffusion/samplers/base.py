"""What a sampler is: a walk that asks a denoiser and is answered.

A walk is a generator. It yields a question (x, level, what it wants to know) and is sent the answer; what it
returns is the sample. So a sampler neither knows nor cares who answers: `tasvir.lab.diffusion.sampling` asks
a denoiser and counts, an adapter lets a pipeline of diffusers answer, a test answers by hand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import ClassVar, NamedTuple

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.schedules.base import Level


class Question(NamedTuple):
    """What a walk wants to know: ``wants`` of x at a level."""

    x: Tensor
    level: Level
    wants: Prediction


Walk = Generator[Question, Tensor, Tensor]
"""Yields questions, is sent answers of the shape of x, returns the sample."""

Noise = Callable[[Tensor], Tensor]
"""Fresh standard normal noise of the shape, type and place of a tensor."""


class Sampler(ABC):
    """A way from noise to data. One file each; a line in ``tasvir.lab.samplers`` makes it known."""

    name: ClassVar[str]
    order: ClassVar[float]
    """Order of convergence: of the end point for deterministic ones (error ~ step^order), weak order (of mean
    and covariance) for stochastic ones. Tests measure it on oracles."""
    stochastic: ClassVar[bool]
    evaluations: ClassVar[int | None]
    """Questions a step (a multistep sampler: 1); None where the walk chooses its own steps."""

    def steps_for(self, evaluations: int) -> int:
        """How many steps a budget of evaluations buys, at least 1."""
        return max(1, evaluations // (self.evaluations or 1))

    @abstractmethod
    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """From x at ``path.levels[0]`` to a sample at ``path.levels[-1]``.

        Never asks at sigma = 0, and never changes ``x`` or an answer in place.
        """
