"""Noise that is not Gaussian: laws of eps in x_t = alpha x_0 + sigma eps, of mean 0 and variance 1.

With r = sigma / alpha, x_t / alpha is x_0 plus a noise that grows with r. Gamma noise is a gamma process in
r^2: sums of its increments are gamma again, with the shape (r / theta)^2 and the scale theta (Nachmani et al.
2021, whose k_t = beta_t / (abar_t theta^2) add up to it). The mixture keeps one law at all levels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import shaped
from tasvir.lab.diffusion.variances import ReverseStep


class NoiseLaw(ABC):
    """Draws eps, and steps back from one level to a cleaner one."""

    @abstractmethod
    def draw(self, like: Tensor, ratio: Tensor, generator: torch.Generator) -> Tensor:
        """eps of the shape of ``like`` [B, ...] at sigma / alpha = ratio, [] or [B] float64."""

    def ancestral(self, step: ReverseStep, x: Tensor, x0: Tensor, generator: torch.Generator) -> Tensor:
        """DDPM's mean plus fresh eps of this law with DDPM's variance: as published, for both laws."""
        if step.beta_tilde == 0.0:
            return step.mean(x, x0)
        eps = self.draw(x, torch.tensor(step.here.ratio, dtype=torch.float64), generator)
        return torch.add(step.mean(x, x0), eps, alpha=math.sqrt(step.beta_tilde))


class GammaNoise(NoiseLaw):
    """(G - k) / sqrt(k) with G ~ Gamma(k, 1) and k = (r / theta)^2: skewed by 2 theta / r, normal in the end.

    Args:
        scale: theta, that of the jumps in the units of the data; 0.001 as published for pictures of -1 to 1,
            which is nearly normal wherever noise can be seen.

    Raises:
        SettingError: The scale is not above 0.
    """

    def __init__(self, scale: float = 0.001) -> None:
        if not scale > 0:
            raise SettingError(f"the scale of gamma noise is {scale}: it must be above 0")
        self.scale = scale

    def shape(self, ratio: Tensor) -> Tensor:
        """k at sigma / alpha = ratio, float64."""
        return (ratio.double() / self.scale) ** 2

    def draw(self, like: Tensor, ratio: Tensor, generator: torch.Generator) -> Tensor:
        """See `NoiseLaw.draw`."""
        place = torch.empty((), dtype=torch.float64, device=generator.device)
        wide = shaped(self.shape(ratio), place.expand(like.shape)).expand(like.shape)
        drawn = _gamma(wide, generator)
        return ((drawn - wide) / wide.sqrt()).to(like)

    def bridge(self, step: ReverseStep, x: Tensor, x0: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of q(x_s | x_t, x_0), exactly: of a gamma process that came to G, a share Beta(k_s, k_t -
        k_s) was there before. Its mean is DDPM's; a guess of x_0 that x_t rules out leaves G at 0.
        """
        here, there = step.here, step.there
        if there.sigma == 0.0:
            return x0 * there.alpha
        before = self.shape(torch.tensor(there.ratio, dtype=torch.float64))
        whole = self.shape(torch.tensor(here.ratio, dtype=torch.float64))
        came = (x.double() / here.alpha - x0.double()) / self.scale + whole
        one = _gamma(before.expand(x.shape), generator)
        other = _gamma((whole - before).expand(x.shape), generator)
        kept = came.clamp(min=0) * one / (one + other)
        return ((x0.double() + self.scale * (kept - before)) * there.alpha).to(x)


class MixtureNoise(NoiseLaw):
    """Two Gaussians of equal width, of mean 0 and variance 1 together, the same at all levels.

    As the law of eps does not change with t, E[alpha' x_0 + sigma' eps | x_t] moves the law of x_0 to that of
    the noise and back, whatever eps is (Lipman et al. 2022, theorem 1): DDIM's limit is exact.

    Args:
        distance: Standard deviation that comes from the two centres, 0 (one Gaussian) to below 1.
        share: Weight of the centre above 0, in (0, 1).

    Raises:
        SettingError: A number is out of its range.
    """

    def __init__(self, distance: float = 0.8, share: float = 0.5) -> None:
        if not 0 <= distance < 1 or not 0 < share < 1:
            raise SettingError(
                f"mixture noise of distance {distance} and share {share}: distance is 0 to below 1, share "
                "between 0 and 1"
            )
        self.share = share
        self.centres = (
            distance * math.sqrt((1 - share) / share),
            -distance * math.sqrt(share / (1 - share)),
        )
        self.spread = math.sqrt(1 - distance**2)

    def draw(self, like: Tensor, ratio: Tensor, generator: torch.Generator) -> Tensor:
        """See `NoiseLaw.draw`; the ratio changes nothing."""
        shape, dtype, place = like.shape, like.dtype, generator.device
        above = torch.rand(shape, generator=generator, dtype=dtype, device=place) < self.share
        normal = torch.randn(shape, generator=generator, dtype=dtype, device=place)
        centre = self.centres[1] + (self.centres[0] - self.centres[1]) * above.to(dtype)
        return torch.add(centre, normal, alpha=self.spread).to(like)


def _gamma(shape: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma(shape, 1); torch's own law of it takes no generator."""
    found: Tensor = torch._standard_gamma(shape.contiguous(), generator=generator)
    return found.clamp(min=torch.finfo(found.dtype).tiny)
