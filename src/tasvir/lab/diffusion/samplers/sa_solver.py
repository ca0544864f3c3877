"""SA-Solver (Xue et al. 2023): a stochastic Adams method; each answer corrects the step before it as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.transfers import combine, exponential_moments, polynomial_weights
from tasvir.lab.diffusion.schedules.base import Level


class SaSolverSampler(Sampler):
    """(sigma_s / sigma_t) e^(-u h) x + integral of x0 + sigma_s sqrt(1 - e^(-2 u h)) z, u = tau^2.

    x0 is a line in lambda through the last two guesses to predict, and through the newest guess and the one
    before it to correct, with the same z. One question a step; the last step is not corrected, and one to
    sigma = 0 goes to the guess.

    Args:
        tau: How much of the reverse SDE's noise: 1 = all of it, 0 = the flow without noise.

    Raises:
        SettingError: tau is negative.
    """

    name: ClassVar[str] = "sa-solver"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, tau: float = 1.0) -> None:
        if not tau >= 0:
            raise SettingError(f"tau is {tau}: it must be 0 (no noise) or more")
        self.tau = tau

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        known: list[tuple[Level, Tensor]] = []  # guesses, the newest first
        begun: tuple[Tensor, Tensor] | None = None  # x where the last step began, and its noise
        for here, there in path.steps:
            x0 = yield Question(x, here, "x0")
            known = [(here, x0), *known[:1]]
            if begun is not None:
                before, drawn = begun
                x = self._led(before, known, known[1][0], here) + drawn
            h = there.half_log_snr - here.half_log_snr
            edge = math.isinf(h)
            spread = there.sigma * math.sqrt(-math.expm1(-2 * self._kept(h)))
            drawn = noise(x) * spread if spread > 0 else torch.zeros_like(x)
            begun = None if edge else (x, drawn)
            x = self._led(x, known[: 1 if edge else 2], here, there) + drawn
            known = [] if edge else known
        return x

    def _kept(self, h: float) -> float:
        """tau^2 h, 0 without noise however long the step."""
        return self.tau**2 * h if self.tau > 0 else 0.0

    def _led(self, x: Tensor, known: Sequence[tuple[Level, Tensor]], here: Level, there: Level) -> Tensor:
        """Without the noise: from ``here`` with x0 as a line (or a constant) through what is known."""
        h = there.half_log_snr - here.half_log_snr
        nodes = [
            (level.half_log_snr - here.half_log_snr) / h if len(known) > 1 else 0.0 for level, _ in known
        ]
        weights = polynomial_weights(nodes, exponential_moments(h + self._kept(h), len(known)))
        share = there.sigma / here.sigma * math.exp(-self._kept(h))
        return combine(x, share, [there.alpha * one for one in weights], [guess for _, guess in known])
