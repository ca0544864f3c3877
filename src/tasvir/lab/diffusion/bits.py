"""Bits a dimension of data whose numbers take declared levels, and the way there from a density.

A density p of real numbers bounds the probability of levels a bin w apart: log P(k) >= E log p(k + u) + D
log w with u uniform over the bin (Theis et al. 2016). Without the levels a density has no bits: scaling the
data changes it, but not them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.methods.base import Bound

OFF = 1e-3
"""How far from a level a number may lie, in bins: rounding of float32."""


def bin_width(levels: int | None, low: float = -1.0, high: float = 1.0) -> float:
    """Distance of two neighbouring levels of which the first is ``low`` and the last ``high``.

    Raises:
        SettingError: The levels are not known (`Data.levels`), or fewer than 2.
    """
    if levels is None:
        raise SettingError(
            "bits a dimension need data of declared levels (256 for pixels of 8 bits): of real numbers only "
            "nats can be stated, and those in the units of the data"
        )
    if levels < 2 or not low < high:
        raise SettingError(f"{levels} levels from {low:g} to {high:g}: there must be 2 or more, rising")
    return (high - low) / (levels - 1)


def bits_per_dimension(nats: Tensor, dimensions: int) -> float:
    """Mean over examples of -log2 P / D.

    Args:
        nats: [N] log-probability of the levels (no density).
        dimensions: D, numbers an example.
    """
    return float(-nats.double().mean()) / (dimensions * math.log(2))


def on_levels(data: Tensor, levels: int | None, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Which level each number is, int64 from 0; the shape of data.

    Raises:
        SettingError: The levels are not known, or some number is none of them.
    """
    places = (data.double() - low) / bin_width(levels, low, high)
    index = places.round()
    inside = (index >= 0) & (index <= (levels or 0) - 1)
    if not bool(((places - index).abs() <= OFF).all() & inside.all()):
        raise SettingError(
            f"the data are not of {levels} levels from {low:g} to {high:g}: the range or the number is "
            "another one, or they were resized after being read"
        )
    return index.long()


def dequantised(
    data: Tensor, levels: int | None, generator: torch.Generator, low: float = -1.0, high: float = 1.0
) -> Tensor:
    """Each number moved anywhere within half a bin of its level, uniformly; type and place of data.

    Raises:
        SettingError: See `on_levels`.
    """
    on_levels(data, levels, low, high)
    drawn = torch.rand(data.shape, generator=generator, dtype=torch.float64) - 0.5
    return (data.double() + drawn.to(data.device) * bin_width(levels, low, high)).to(data)


def of_levels(
    density: Callable[[Tensor], Bound],
    data: Tensor,
    levels: int | None,
    generator: torch.Generator,
    *,
    draws: int = 1,
    low: float = -1.0,
    high: float = 1.0,
) -> Bound:
    """A bound of the log-probability of levels, with its bits a dimension, from a density.

    Args:
        density: Log-likelihood of real numbers, such as `likelihood.log_likelihood` with its settings bound.
        data: [N, ...] on the levels.
        levels: How many.
        generator: Of the dequantisation.
        draws: How many dequantised copies; their mean is the bound.
        low: First level.
        high: Last level.

    Returns:
        nats of the levels' probability, never exact; the error joins that of the copies (from 2 draws on) and
        that of the density.

    Raises:
        SettingError: See `on_levels`; or fewer than 1 draw.
    """
    if draws < 1:
        raise SettingError(f"{draws} draws: ask for 1 or more")
    size = data[0].numel()
    found = [density(dequantised(data, levels, generator, low, high)) for _ in range(draws)]
    nats = torch.stack([one.nats for one in found]) + size * math.log(bin_width(levels, low, high))
    squares = [one.error.square() for one in found if one.error is not None]
    error: Tensor | None = None
    if draws > 1:
        error = nats.std(0) / math.sqrt(draws)
    elif squares:
        error = squares[0].sqrt()
    bound = Bound(nats.mean(0), exact=False, error=error)
    return replace(bound, bits_per_dimension=bits_per_dimension(bound.nats, size))
