"""The normalising flow: noise through steps that can be undone, so that the density is exact.

log p(x) = log N(f(x); 0, I) + log |det df/dx|: f is a chain of monotone splines whose bends depend on other
coordinates (Durkan et al. 2019), in a triangular order, so that the determinant is a product. Built on zuko.
"""

from __future__ import annotations

import math
import time
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.bits import bin_width, dequantised, of_levels
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.base import Family

MARGIN = 0.05
"""Pictures are squeezed this far away from 0 and 1 before the logit (Dinh et al. 2017)."""
DRAWS = 4
"""Dequantised copies of a picture in a likelihood."""
SPLINES = 256
"""Numbers up to which steps are splines unless asked otherwise."""
Steps = Literal["spline", "affine"]


class FlowFamily(Family):
    """Noise through steps that can be undone; its likelihood is exact.

    Pictures of known levels are spread over their bins (dequantised), squeezed and sent through a logit: the
    density of that is exact, and bounds the probability of the levels.

    Args:
        steps: "spline" (neural spline flow) or "affine" (masked autoregressive flow); None = spline for up to
            `SPLINES` numbers, affine for more: a spline asks its network for 23 numbers to bend one.
        transforms: How many; None = 3 for points, 6 for pictures.
        width: Of the two layers in each.
        bins: Of a spline.
        passes: Into how many parts, given one by one, a step divides the numbers; sampling takes so many
            runs. None = every number by itself for points, 2 (coupling) for pictures.

    Raises:
        SettingError: No such steps, a number out of its range, or zuko is not installed.
    """

    name = "flow"
    source = "Rezende and Mohamed 2015; Durkan et al. 2019; thesis 2.2.4"

    def __init__(
        self,
        steps: Steps | None = None,
        transforms: int | None = None,
        width: int = 64,
        bins: int = 8,
        passes: int | None = None,
    ) -> None:
        if steps is not None and steps not in get_args(Steps):
            raise SettingError(f"steps {steps!r}: give one of {', '.join(get_args(Steps))}")
        if min(transforms or 1, width) < 1 or bins < 2 or (passes is not None and passes < 2):
            raise SettingError(
                f"transforms {transforms}, width {width}, bins {bins}, passes {passes}: 1 or more, and 2 or "
                "more for bins and passes"
            )
        self.steps, self.transforms, self.width, self.bins, self.passes = (
            steps,
            transforms,
            width,
            bins,
            passes,
        )

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`."""
        flows, points = _flows(), data.kind == "points"
        self.shape, self.size, self.deviation = data.shape, math.prod(data.shape), data.deviation
        self.levels = data.levels if data.kind == "images" else None
        self.runs = min(self.passes or (self.size if points else 2), self.size)
        spline = self.steps == "spline" or (self.steps is None and self.size <= SPLINES)
        chosen: dict[str, Any] = {"bins": self.bins} if spline else {}
        kind = flows.NSF if spline else flows.MAF
        network: nn.Module = kind(
            self.size,
            transforms=self.transforms or (3 if points else 6),
            hidden_features=(self.width, self.width),
            passes=self.runs,
            **chosen,
        )
        return network

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Minus the mean log-density, of pictures with levels dequantised anew."""
        if self.levels is not None:
            x = dequantised(x, self.levels, generator)
        loss = -self._density(x).mean()
        return loss, {"loss": loss.item()}

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Sampled:
        """See `Family.sample`: every step is undone part by part, one run of all steps' networks a part."""
        began, generator = time.perf_counter(), torch.Generator().manual_seed(seed)
        noise = torch.randn(n, self.size, generator=generator)
        x = self._to_data(self.network().transform.inv(noise))
        return Sampled(x.reshape(n, *self.shape), self.runs, time.perf_counter() - began)

    @torch.no_grad()
    def log_prob(self, x: Tensor, seed: int = 0) -> Bound:
        """See `Family.log_prob`: exact; of levels a bound, by the mean over dequantised copies."""
        if self.levels is None:
            return Bound(self._density(x.float()).double(), exact=True)
        generator = torch.Generator().manual_seed(seed)
        return of_levels(self._told, x.float(), self.levels, generator, draws=DRAWS)

    def _told(self, x: Tensor) -> Bound:
        return Bound(self._density(x).double(), exact=True)

    def _density(self, x: Tensor) -> Tensor:
        """log p in the units of `Data`, [N]."""
        noise, slope = self._to_flow(x.flatten(1))
        found: Tensor = self.network().log_prob(noise)
        return found + slope

    def _to_flow(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Data as the flow takes them, and the log-determinant of the way there."""
        if self.levels is None:
            return x / self.deviation, x.new_full((len(x),), -self.size * math.log(self.deviation))
        span = 2 + bin_width(self.levels)
        share = MARGIN + (1 - 2 * MARGIN) * (0.5 + x / span).clamp(0, 1)
        slope = math.log((1 - 2 * MARGIN) / span) - share.log() - (1 - share).log()
        return torch.logit(share), slope.sum(1)

    def _to_data(self, y: Tensor) -> Tensor:
        """Back; pictures on the level in whose bin the number fell."""
        if self.levels is None:
            return y * self.deviation
        width = bin_width(self.levels)
        x = ((torch.sigmoid(y) - MARGIN) / (1 - 2 * MARGIN) - 0.5) * (2 + width)
        return (((x + 1) / width).round() * width - 1).clamp(-1, 1)


def _flows() -> Any:
    try:
        import zuko.flows
    except ImportError as problem:
        raise SettingError(
            f"flows need zuko, which is not installed ({problem}): pip install 'tasvir[lab]'"
        ) from problem
    return zuko.flows
