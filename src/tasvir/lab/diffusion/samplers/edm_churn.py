"""EDM's stochastic sampler (Karras et al. 2022, algorithm 2): add a little noise, then a Heun step down."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Sampler, Walk
from tasvir.lab.diffusion.samplers.heun import heun_step
from tasvir.lab.diffusion.schedules.base import Level

GREATEST = math.sqrt(2) - 1
"""Of the relative rise of sigma in one step: never more new noise than there is (Karras et al. 2022)."""


class EdmChurnSampler(Sampler):
    """From r_t up to r = r_t (1 + g) by noise, then Heun's method to r_s; r = sigma / alpha.

    g = min(churn / n, sqrt 2 - 1) for r_t within the limits, else 0, and never beyond the schedule's own
    noise. With churn = 0 it is Heun's method.

    Args:
        churn: S_churn, for the whole walk; 40 and the limits are the paper's for ImageNet.
        least: S_tmin, of sigma / alpha.
        greatest: S_tmax.
        inflation: S_noise, the fresh noise's deviation. Above 1 it makes up for networks that take away too
            much (the paper's 1.003); an exact denoiser's law is kept by 1 alone.

    Raises:
        SettingError: One of them is negative, or the limits are the wrong way round.
    """

    name: ClassVar[str] = "edm-churn"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 2

    def __init__(
        self, churn: float = 40.0, least: float = 0.05, greatest: float = 50.0, inflation: float = 1.0
    ) -> None:
        if churn < 0 or not 0 <= least < greatest or inflation < 0:
            raise SettingError(
                f"churn {churn} of inflation {inflation} from {least} to {greatest}: they must not be "
                "negative, and the limits must rise"
            )
        self.churn, self.least, self.greatest, self.inflation = churn, least, greatest, inflation

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`; a last step to sigma = 0 costs one."""
        return max(1, (evaluations + 1) // 2)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        rise = min(self.churn / len(path.steps), GREATEST)
        top = path.schedule.level(path.schedule.last).ratio
        for here, there in path.steps:
            if rise > 0 and self.least <= here.ratio <= min(self.greatest, top / (1 + rise)):
                above = path.between(here.half_log_snr - math.log1p(rise))
                x = raised(x, here, above, noise, self.inflation)
                here = above
            x = yield from heun_step(x, here, there)
        return x


def raised(x: Tensor, here: Level, above: Level, noise: Noise, inflation: float = 1.0) -> Tensor:
    """x taken up to a noisier level by the forward process, its fresh noise times ``inflation``."""
    scale = above.alpha / here.alpha
    spread = math.sqrt(above.sigma**2 - (scale * here.sigma) ** 2)
    return torch.add(x * scale, noise(x), alpha=inflation * spread)
