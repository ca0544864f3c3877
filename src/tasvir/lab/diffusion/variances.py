"""One reverse step and how much fresh noise it takes: the thesis' 4.8-4.9, 4.31 and 4.43 for any schedule.

From level t (here) to a cleaner s (there), with h = lambda_s - lambda_t: q(x_s | x_t, x_0) has the mean
(sigma_s / sigma_t) e^-h x_t + alpha_s (1 - e^-2h) x_0 and the variance beta-tilde = sigma_s^2 (1 - e^-2h); on
a table of betas these are 4.9 with its bars and roots put right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.samplers.base import Noise
from tasvir.lab.diffusion.schedules.base import Level, shaped


@dataclass(frozen=True)
class ReverseStep:
    """From a level to a cleaner one, in float64 numbers that hold at sigma = 0 and at alpha = 0 too."""

    here: Level
    there: Level

    @property
    def h(self) -> float:
        """lambda_s - lambda_t, above 0; infinite to sigma = 0 and from alpha = 0."""
        return self.there.half_log_snr - self.here.half_log_snr

    @property
    def gone(self) -> float:
        """1 - e^-2h: how much of the noise's variance is drawn anew on the way."""
        return -math.expm1(-2 * self.h)

    @property
    def shrink(self) -> float:
        """alpha_t / alpha_s: how much the forward step s -> t shrinks x."""
        return self.here.alpha / self.there.alpha

    @property
    def beta(self) -> float:
        """sigma_t^2 - shrink^2 sigma_s^2: what the forward step s -> t adds (4.1)."""
        return self.here.sigma**2 * self.gone

    @property
    def beta_tilde(self) -> float:
        """Variance of q(x_s | x_t, x_0) (4.9)."""
        return self.there.sigma**2 * self.gone

    def mean(self, x: Tensor, x0: Tensor) -> Tensor:
        """Mean of q(x_s | x_t, x_0), any shape (4.9)."""
        kept = self.there.sigma / self.here.sigma * math.exp(-self.h)
        return torch.add(x * kept, x0, alpha=self.there.alpha * self.gone)


Variance = Callable[[ReverseStep, Tensor], float | Tensor]
"""(step, x_t) -> variance of the fresh noise; called right after the answer to x_t."""

MeanSquareScore = Callable[[Level], float]
"""E ||score||^2 / d over x_t at a level."""


def beta(step: ReverseStep, x: Tensor) -> float:
    """The larger of DDPM's two: right for data N(0, I) of a VP schedule; 0 in the last step (table 4.1)."""
    return step.beta if step.there.sigma > 0 else 0.0


def beta_tilde(step: ReverseStep, x: Tensor) -> float:
    """The smaller of DDPM's two: right for data that are one point (4.9)."""
    return step.beta_tilde


VARIANCES: dict[str, Variance] = {"beta": beta, "beta-tilde": beta_tilde}


def optimal(step: ReverseStep, mean_square_score: float, kept: float) -> float:
    """Analytic-DPM's variance (Bao et al. 2022, theorem 1; thesis 4.43, whose beta-bar is our sigma^2).

    kept + c^2 sigma_t^2 / alpha_t^2 (1 - sigma_t^2 E ||score||^2 / d), with c the share of x_0 in the mean
    and the last factor held within 0 and 1, where it lies for every law: the mean square error of x_0 given
    x_t.

    Args:
        step: From where to where.
        mean_square_score: E ||score||^2 / d at ``step.here``.
        kept: The step's variance given x_0: lambda^2 of DDIM, `ReverseStep.beta_tilde` of DDPM.

    Raises:
        SettingError: Nothing of the data is left at ``step.here``, so that the score does not tell it.
    """
    here, there = step.here, step.there
    if here.alpha == 0.0:
        raise SettingError(
            f"the optimal variance is not known at time {here.t:g}, where alpha = 0: begin at an earlier time"
        )
    share = there.alpha - math.sqrt(max(0.0, there.sigma**2 - kept)) * here.alpha / here.sigma
    unknown = min(1.0, max(0.0, 1 - here.sigma**2 * mean_square_score))
    return kept + (share * here.sigma / here.alpha) ** 2 * unknown


class OptimalVariance:
    """`optimal` of DDPM's step: the best single number for the variance of p(x_s | x_t).

    Args:
        mean_square_score: Of the data law: `of_gaussian`, or an `EstimatedScore`.
    """

    def __init__(self, mean_square_score: MeanSquareScore) -> None:
        self.mean_square_score = mean_square_score

    def __call__(self, step: ReverseStep, x: Tensor) -> float:
        return optimal(step, self.mean_square_score(step.here), step.beta_tilde)


class LearnedVariance:
    """exp(v log beta + (1 - v) log beta-tilde) (Nichol and Dhariwal 2021; thesis 4.31); 0 in the last step.

    Args:
        fraction: (x_t, level) -> v, a number a number of x; 0 means beta-tilde and 1 means beta.
    """

    def __init__(self, fraction: Callable[[Tensor, Level], Tensor]) -> None:
        self.fraction = fraction

    def __call__(self, step: ReverseStep, x: Tensor) -> float | Tensor:
        if step.there.sigma == 0.0:
            return 0.0
        return interpolated(step, self.fraction(x, step.here))


def interpolated(step: ReverseStep, fraction: Tensor) -> Tensor:
    """The thesis' 4.31: between beta-tilde (0) and beta (1), geometrically; shape of ``fraction``."""
    low, high = math.log(step.beta_tilde), math.log(step.beta)
    return torch.exp(fraction * (high - low) + low)


def of_gaussian(law: MixtureLaw) -> MeanSquareScore:
    """E ||score||^2 / d of a Gaussian, exactly: the mean of 1 / (alpha^2 e + sigma^2) over its eigenvalues.

    Raises:
        SettingError: The law has more than one component.
    """
    if len(law.weights) != 1:
        raise SettingError("the mean square score is closed form for one Gaussian: use EstimatedScore")
    return lambda level: float((1 / (level.alpha**2 * law.spread + level.sigma**2)).mean())


class EstimatedScore:
    """E ||score||^2 / d of a denoiser on noised data (Bao et al. 2022, equation 8), once a level.

    Args:
        denoiser: Whose score.
        data: [N, ...], clean.
        noise: What they are noised with.
    """

    def __init__(self, denoiser: Denoiser, data: Tensor, noise: Noise) -> None:
        self.denoiser, self.data, self.noise = denoiser, data, noise
        self._known: dict[float, float] = {}

    @torch.no_grad()
    def __call__(self, level: Level) -> float:
        if level.t not in self._known:
            noisy = self.data * level.alpha + self.noise(self.data) * level.sigma
            eps = self.denoiser.predict(noisy, level, "eps")
            self._known[level.t] = float(eps.double().square().mean()) / level.sigma**2
        return self._known[level.t]


def fresh(x: Tensor, variance: float | Tensor, noise: Noise) -> Tensor:
    """x with fresh noise of a variance (one number, [B], or the shape of x); draws none where it is 0."""
    if isinstance(variance, Tensor):
        spread = variance.sqrt()
        return torch.addcmul(x, noise(x), spread.to(x) if spread.ndim == x.ndim else shaped(spread, x))
    return torch.add(x, noise(x), alpha=math.sqrt(variance)) if variance > 0 else x
