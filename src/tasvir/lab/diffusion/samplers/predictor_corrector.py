"""Predictor-corrector sampling (Song et al. 2021, algorithms 1-5): a step, then Langevin dynamics."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.langevin import langevin_step
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.reverse_diffusion import ReverseDiffusionSampler
from tasvir.lab.diffusion.schedules.base import Level


class PredictorCorrectorSampler(Sampler):
    """A predictor's step, then M times x + e score + sqrt(2 e) z at the level reached (thesis 4.3, 4.4).

    e = 2 (snr |z| / |score|)^2. By "norms" these are means over the batch, as published, so that a sample
    depends on who is with it; by "level" they are what they come to in many dimensions, sqrt(d) and sqrt(d) /
    sigma, and e = 2 (snr sigma)^2. (Their factor 1 - beta_i on VP, near 1, belongs to one grid: left out.) A
    predictor of several steps begins anew at each: its memory would be of samples before correction.

    The corrector's own error does not vanish with more steps, only with a smaller snr: order 0.

    Args:
        predictor: None = reverse diffusion.
        corrections: M, 0 or more.
        snr: Size of the corrector's steps, above 0 and below 1.
        size: How e is found.

    Raises:
        SettingError: A number is out of its range, or the predictor chooses its own steps.
    """

    name: ClassVar[str] = "predictor-corrector"
    order: ClassVar[float] = 0
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 2

    def __init__(
        self,
        predictor: Sampler | None = None,
        corrections: int = 1,
        snr: float = 0.16,
        size: Literal["level", "norms"] = "level",
    ) -> None:
        self.predictor = ReverseDiffusionSampler() if predictor is None else predictor
        if corrections < 0 or not 0 < snr < 1 or size not in ("level", "norms"):
            raise SettingError(
                f"{corrections} corrections of snr {snr} by {size!r}: ask for 0 or more, of an snr within 0 "
                'and 1, by "level" or "norms"'
            )
        if self.predictor.evaluations is None:
            raise SettingError(f"{self.predictor.name} chooses its own steps: it cannot be a predictor")
        self.corrections, self.snr, self.size = corrections, snr, size
        self.evaluations = self.predictor.evaluations + corrections  # type: ignore[misc]

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`; no correction at sigma = 0."""
        correct = self._by_level if self.size == "level" else self._by_norms
        for here, there in path.steps:
            x = yield from self.predictor.walk(x, Path((here, there)), noise)
            for _ in range(self.corrections if there.sigma > 0 else 0):
                x = yield from correct(x, there, noise)
        return x

    def _by_level(self, x: Tensor, level: Level, noise: Noise) -> Walk:
        return langevin_step(x, level, 4 * (self.snr * level.sigma) ** 2, noise)

    def _by_norms(self, x: Tensor, level: Level, noise: Noise) -> Walk:
        score = yield Question(x, level, "score")
        z = noise(x)
        ratio = _norm(z) / _norm(score)
        size = 2 * (self.snr * ratio) ** 2
        return x + size * score + (2 * size).sqrt() * z


def _norm(x: Tensor) -> Tensor:
    """Mean length of the examples of a batch, a tensor of one number."""
    length: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1)
    return length.mean()
