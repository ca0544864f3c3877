"""Bits a dimension against laws on levels whose entropy is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.bits import bin_width, bits_per_dimension, dequantised, of_levels, on_levels
from tasvir.lab.diffusion.methods.base import Bound


def bytes_between(low: float, high: float, shape: tuple[int, ...] = (64, 3, 4, 4)) -> Tensor:
    drawn = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).double()
    return low + drawn * (high - low) / 255


def uniform(low: float, high: float) -> Callable[[Tensor], Bound]:
    """The density of every number even over all bins, 0 beyond."""
    half = (high - low) / 255 / 2
    inner = torch.tensor(-math.log((high - low) * 256 / 255), dtype=torch.float64)

    def density(x: Tensor) -> Bound:
        inside = (x >= low - half) & (x <= high + half)
        return Bound(torch.where(inside, inner, -math.inf).flatten(1).sum(1), exact=True)

    return density


def tilted(x: Tensor) -> Bound:
    """N(0, 0.4^2) in every number of -1 to 1 units."""
    terms = -0.5 * (x / 0.4) ** 2 - math.log(0.4 * math.sqrt(2 * math.pi))
    return Bound(terms.flatten(1).sum(1), exact=True)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_uniform_bytes_are_eight_bits_in_every_range(low: float, high: float) -> None:
    data = bytes_between(low, high)
    found = of_levels(uniform(low, high), data, 256, torch.Generator().manual_seed(1), low=low, high=high)
    assert found.bits_per_dimension == pytest.approx(8, abs=1e-12)
    assert not found.exact and found.error is None


def test_scaling_the_data_and_the_model_changes_no_bit() -> None:
    """log p(a x) = log p(x) - D log a, and the bins are a times as wide."""
    one = of_levels(tilted, bytes_between(-1, 1), 256, torch.Generator().manual_seed(1))

    def scaled(x: Tensor) -> Bound:
        inner = tilted(2 * x - 1)
        return Bound(inner.nats + x[0].numel() * math.log(2), exact=True)

    other = of_levels(scaled, bytes_between(0, 1), 256, torch.Generator().manual_seed(1), low=0, high=1)
    assert one.bits_per_dimension == pytest.approx(other.bits_per_dimension, abs=1e-10)


def test_dequantisation_bounds_the_probability_of_levels() -> None:
    """Two levels under a Gaussian: E log p(k + u) w never exceeds log of the bin's own mass; error covers."""
    data = torch.tensor([-1.0, 1.0]).repeat(200, 1).reshape(400, 1)

    def density(x: Tensor) -> Bound:
        return Bound(-0.5 * (x[:, 0] / 0.7) ** 2 - math.log(0.7 * math.sqrt(2 * math.pi)), exact=True)

    found = of_levels(density, data, 2, torch.Generator().manual_seed(2), draws=200)
    mass = math.log(0.5 * math.erf(2 / (0.7 * math.sqrt(2))))  # of the bin from 0 to 2
    mean = -0.5 * (1 + 1 / 3) / 0.49 - math.log(0.7 * math.sqrt(2 * math.pi)) + math.log(2)
    assert found.error is not None
    within = ((found.nats - mean).abs() < 1.96 * found.error).double().mean()
    assert 0.91 < float(within) < 0.99
    assert float(found.nats.mean()) == pytest.approx(mean, abs=0.02) and mean < mass


def test_dequantised_numbers_stay_in_their_bin_and_fill_it() -> None:
    data = bytes_between(-1, 1).float()
    moved = dequantised(data, 256, torch.Generator().manual_seed(3))
    away = (moved - data).double() / bin_width(256)
    assert float(away.abs().max()) <= 0.5001 and moved.dtype == torch.float32
    assert float(away.var()) == pytest.approx(1 / 12, rel=0.05)
    again = dequantised(data, 256, torch.Generator().manual_seed(3))
    torch.testing.assert_close(moved, again, rtol=0, atol=0)
    assert bits_per_dimension(torch.tensor([-math.log(2) * 6]), 3) == pytest.approx(2)
    torch.testing.assert_close(on_levels(data, 256), ((data.double() + 1) * 127.5).round().long())


@pytest.mark.parametrize(
    ("data", "levels", "low", "message"),
    [
        (torch.zeros(2, 3), None, -1.0, "declared levels"),
        (torch.zeros(2, 3), 1, -1.0, "2 or more"),
        (bytes_between(0, 1), 256, -1.0, "not of 256 levels from -1 to 1"),
        (bytes_between(-1, 1), 256, 0.0, "not of 256 levels from 0 to 1"),
        (torch.full((1, 2), math.nan), 256, -1.0, "not of 256 levels"),
    ],
)
def test_no_bits_without_the_right_levels(data: Tensor, levels: int | None, low: float, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        of_levels(tilted, data, levels, torch.Generator(), low=low)


def test_no_draw_is_no_bound() -> None:
    with pytest.raises(SettingError, match="ask for 1 or more"):
        of_levels(tilted, bytes_between(-1, 1), 256, torch.Generator(), draws=0)
