"""Cold diffusion: degradations against what they are said to do, both ways back on lines, a learned one."""

from __future__ import annotations

import math

import pytest
import torch
from few_steps import energy_distance, learn, two_lumps
from scipy.ndimage import gaussian_filter
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.degradations import (
    BlurDegradation,
    Degradation,
    InterpolationDegradation,
    PixelationDegradation,
    restored,
)
from tasvir.lab.diffusion.frequencies import kept, to_frequencies, to_pixels
from tasvir.lab.diffusion.methods.cold import ColdMethod

ALONG = torch.tensor([[2.0, 5.0]])
TIMES = [1 - i / 10 for i in range(11)]


def pictures(n: int = 4, side: int = 8) -> Tensor:
    return torch.randn(n, 2, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Line(Degradation):
    """D(x, t) = x + t e."""

    def end(self, like: Tensor, colours: Tensor, generator: torch.Generator) -> Tensor:
        return like

    def apply(self, x: Tensor, t: Tensor, end: Tensor) -> Tensor:
        return x + t[:, None] * ALONG


def test_the_improved_way_is_exact_on_a_line_whatever_the_restorer_gets_wrong() -> None:
    """The restorer is off by a constant at every step; the naive way gathers all of that."""
    truth, off = torch.tensor([[0.3, -1.2]]), torch.tensor([[0.7, -0.4]])

    def restore(x: Tensor, t: Tensor) -> Tensor:
        return x - t[:, None] * ALONG + off

    improved, naive = (
        restored(restore, Line(), truth + ALONG, truth, TIMES, way) for way in ("improved", "naive")
    )
    assert torch.allclose(improved, truth, atol=1e-5)
    assert torch.allclose(naive, truth + 10 * off, atol=1e-4)


def test_the_improved_way_through_blur_ends_in_what_the_restorer_tells_last() -> None:
    """A restorer that knows the picture is believed by both ways; D is linear, so nothing is lost."""
    x, blur = pictures(), BlurDegradation()
    begin = blur.apply(x, torch.ones(4), x)
    for way in ("improved", "naive"):
        assert torch.allclose(restored(lambda *_: x, blur, begin, x, TIMES, way), x)


def test_cosines_are_orthonormal_and_heat_adds_up() -> None:
    x = pictures()
    assert torch.allclose(to_pixels(to_frequencies(x)), x)
    assert torch.allclose(to_frequencies(x).square().sum(), x.square().sum())

    def blurred(x: Tensor, width: float) -> Tensor:
        return to_pixels(to_frequencies(x) * kept(torch.tensor([width]), tuple(x.shape)))

    assert torch.allclose(blurred(blurred(x, 0.9), 1.2), blurred(x, 1.5))
    spot = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    spot[0, 0, 16, 15] = 1.0
    truth = torch.from_numpy(gaussian_filter(spot[0, 0].numpy(), 2.0, mode="reflect", truncate=8))
    assert torch.allclose(blurred(spot, 2.0)[0, 0], truth, atol=1e-4)


def test_degradations_begin_with_the_picture_and_end_in_what_is_drawn() -> None:
    x, nothing = pictures(), torch.zeros(4, 2, 8, 8)
    mean = x.mean((2, 3), keepdim=True).expand(x.shape)
    for degradation in (BlurDegradation(), PixelationDegradation()):
        assert torch.allclose(degradation.apply(x, torch.zeros(4), nothing), x)
        end = degradation.apply(x, torch.ones(4), nothing)
        assert float((end - mean).abs().max()) < 0.02
        between = degradation.apply(x, torch.full((4,), 0.5), nothing)
        assert float((end - mean).std()) < float((between - mean).std()) < float((x - mean).std())
    colours = torch.tensor([[0.2, -0.5], [0.1, 0.0]])
    drawn = BlurDegradation().end(torch.empty(4000, 2, 2, 2), colours, torch.Generator().manual_seed(0))
    assert drawn[:, 0].std() == pytest.approx(0.1, abs=0.01) and drawn[:, 0].mean() == pytest.approx(
        0.2, abs=0.01
    )
    assert torch.equal(drawn[:, 1], torch.full((4000, 2, 2), -0.5))
    assert torch.equal(drawn[:, 0, 0, 0], drawn[:, 0, 1, 1])


def test_pixelation_takes_means_of_squares() -> None:
    x = pictures()
    half = PixelationDegradation().apply(x, torch.tensor([1 / 3, 0.0, 2 / 3, 1.0]), x)
    assert torch.allclose(half[0, :, :2, 2:4], x[0, :, :2, 2:4].mean((1, 2))[:, None, None].expand(2, 2, 2))
    assert torch.equal(half[1], x[1])
    assert torch.allclose(half[2, 0, 4:, :4], x[2, 0, 4:, :4].mean().expand(4, 4))
    assert torch.allclose(half[3, 1], x[3, 1].mean().expand(8, 8))


def test_interpolation_ends_in_stripes_or_a_square_of_variance_1() -> None:
    generator, none = torch.Generator().manual_seed(0), torch.zeros(2, 2)
    square = InterpolationDegradation().end(torch.empty(5000, 2), none, generator)
    assert float(square.var()) == pytest.approx(1, abs=0.03) and float(square.abs().max()) < math.sqrt(3)
    stripes = InterpolationDegradation().end(torch.empty(3, 1, 8, 8), none, generator)
    assert float(stripes.abs().max()) <= 1 and float(stripes.std()) > 0.4
    x = InterpolationDegradation().apply(pictures(3)[:, :1], torch.tensor([0.0, 0.25, 1.0]), stripes.double())
    assert torch.allclose(x[1], 0.75 * pictures(3)[1, :1] + 0.25 * stripes[1])
    assert torch.allclose(x[2], stripes[2].double())


def test_cold_learns_two_lumps_and_the_improved_way_is_the_better_one() -> None:
    data = two_lumps()
    model = ColdMethod().model(data, norm="l2", width=32, depth=2)
    learn(model, data, 250)
    improved = energy_distance(model.sample(500, 0, steps=20).x, data.test[:500])
    model.way = "naive"
    naive = energy_distance(model.sample(500, 0, steps=20).x, data.test[:500])
    assert improved < 0.04 < naive


def test_a_blurred_picture_is_restored_better_than_left_alone() -> None:
    """Squares of random brightness, left or right: at t = 0.5 blurred, but which one is still seen."""
    generator = torch.Generator().manual_seed(0)
    x = torch.full((256, 1, 8, 8), -1.0)
    x[::2, :, 2:6, 1:4], x[1::2, :, 2:6, 4:7] = 1.0, 1.0
    x = x * (0.5 + 0.5 * torch.rand(256, 1, 1, 1, generator=generator))
    data = Data("squares", "images", x, x)
    model = ColdMethod().model(data, degradation="blur", name="mlp", width=32, depth=2)
    learn(model, data, 100)
    t = torch.full((256,), 0.5)
    blurred = model.degradation.apply(x, t, x)
    with torch.no_grad():
        better = float((model.network(blurred, t) - x).abs().mean())
    assert better < 0.4 * float((blurred - x).abs().mean())
    assert float(model.network.colours[0, 0]) == pytest.approx(float(x.mean()), abs=1e-5)


def test_what_cannot_be_is_refused() -> None:
    data = two_lumps(10)
    with pytest.raises(SettingError, match="known for points are interpolation"):
        ColdMethod().model(data, degradation="blur")
    with pytest.raises(SettingError, match="way 'best'"):
        ColdMethod().model(data, way="best")  # type: ignore[arg-type]
    model = ColdMethod().model(data, width=8, depth=1)
    with pytest.raises(SettingError, match="0 steps"):
        model.sample(2, 0, steps=0)
    with pytest.raises(SettingError, match="classes"):
        model.sample(2, 0, labels=torch.zeros(2).long())
