"""DDIM with noise (Song, Meng and Ermon 2021): from no noise (eta 0) to ancestral sampling (eta 1)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.variances import MeanSquareScore, ReverseStep, fresh, optimal


class DdimEtaSampler(Sampler):
    """x_s = alpha_s x0 + sqrt(sigma_s^2 - l^2) eps + l z with l^2 = eta^2 beta-tilde (thesis 4.40).

    Args:
        eta: 0 to 1.
        mean_square_score: Of the data law (`variances`): z then has Analytic-DPM's variance (4.43) instead of
            l^2, which with eta = 0 is Analytic-DDIM.

    Raises:
        SettingError: eta lies outside 0 to 1.
    """

    name: ClassVar[str] = "ddim-eta"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, eta: float = 1.0, mean_square_score: MeanSquareScore | None = None) -> None:
        if not 0 <= eta <= 1:
            raise SettingError(f"eta is {eta}: it must lie within 0 (no noise) and 1 (ancestral sampling)")
        self.eta, self.mean_square_score = eta, mean_square_score

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            step = ReverseStep(here, there)
            x0 = yield Question(x, here, "x0")
            kept = self.eta**2 * step.beta_tilde
            share = math.sqrt(max(0.0, there.sigma**2 - kept)) / here.sigma
            x = torch.add(x * share, x0, alpha=there.alpha - share * here.alpha)
            if self.mean_square_score is not None:
                kept = optimal(step, self.mean_square_score(here), kept)
            x = fresh(x, kept, noise)
        return x
