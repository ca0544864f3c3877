"""Consistent annealed sampling (Jolicoeur-Martineau et al. 2021): Langevin steps, the noise as it must be."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.variances import fresh


class ConsistentAnnealedSampler(Sampler):
    """alpha_s x0 + (1 - e) sigma_t eps + sqrt(sigma_s^2 - (1 - e)^2 sigma_t^2) z (their algorithm 2).

    Annealed Langevin dynamics leave x noisier than the next level is; here the noise that stays and the fresh
    one sum to it exactly. Where a step is so long that (1 - e) sigma_t is more than sigma_s, it is DDIM's.
    (Thesis 4.3.2.1.)

    Its error does not vanish with more levels, only with smaller steps: order 0.

    Args:
        step: e = epsilon / sigma_L^2, above 0 and at most 1.

    Raises:
        SettingError: It is not.
    """

    name: ClassVar[str] = "consistent-annealed"
    order: ClassVar[float] = 0
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, step: float = 0.1) -> None:
        if not 0 < step <= 1:
            raise SettingError(f"a step of {step}: it must lie above 0 and not above 1")
        self.step = step

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            x0 = yield Question(x, here, "x0")
            share = min(1 - self.step, there.sigma / here.sigma)
            x = torch.add(x * share, x0, alpha=there.alpha - share * here.alpha)
            x = fresh(x, max(0.0, there.sigma**2 - (share * here.sigma) ** 2), noise)
        return x
