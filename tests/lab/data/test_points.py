"""Points in the plane: scale, shapes by their formulas, mixtures by their law."""

from __future__ import annotations

import pytest
import torch

from tasvir.errors import UnknownNameError
from tasvir.lab.data.opening import open_data
from tasvir.lab.data.points import NAMES, law


@pytest.mark.parametrize("name", NAMES)
def test_points_have_unit_scale_and_are_the_same_every_time(name: str) -> None:
    data = open_data(f"2d:{name}")
    assert (data.name, data.kind, data.levels, data.classes) == (f"2d:{name}", "points", None, None)
    assert data.train.shape == (50_000, 2) and data.test.shape == (10_000, 2)
    assert data.train.dtype == torch.float32 and data.shape == (2,)
    both = torch.cat((data.train, data.test)).double()
    assert both.mean(0).abs().max() < 0.03
    assert float(both.square().mean()) == pytest.approx(1, abs=0.01)
    assert data.deviation == pytest.approx(float(data.train.std()))
    assert torch.equal(open_data(f"2d:{name}").train, data.train)
    assert not torch.equal(data.train[:10_000], data.test)


@pytest.mark.parametrize("name", [name for name in NAMES if law(name) is not None])
def test_mixtures_are_drawn_from_the_law_that_is_told(name: str) -> None:
    """The mean of log p over samples is minus the entropy, which many fresh draws of the law tell too."""
    told = law(name)
    assert told is not None
    points = open_data(f"2d:{name}").test.double()
    fresh = told.sample(20_000, torch.Generator().manual_seed(1))
    own, other = told.log_density(points), told.log_density(fresh)
    error = float((own.var() / len(own) + other.var() / len(other)).sqrt())
    assert float(own.mean() - other.mean()) == pytest.approx(0, abs=4 * error)
    assert float(points.square().mean()) == pytest.approx(1, abs=0.03)


def test_the_law_of_two_gaussians_by_hand() -> None:
    told = law("two-gaussians")
    assert told is not None
    scale = (0.5 + 0.0625) ** 0.5
    assert torch.allclose(told.means, torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64) / scale)
    assert torch.allclose(told.spread, torch.full((2, 2), 0.0625 / scale**2, dtype=torch.float64))


def test_shapes_have_the_form_of_their_names() -> None:
    rings = open_data("2d:rings").test.norm(dim=1)
    counts = torch.histc(rings, 60, 0.0, 2.2)
    assert (
        int(((counts[1:-1] > counts[:-2]) & (counts[1:-1] >= counts[2:]) & (counts[1:-1] > 200)).sum()) == 4
    )
    board = open_data("2d:checkerboard").test
    low, high = board.amin(0), board.amax(0)
    cells = ((board - low) / (high - low) * 4).floor().clamp(0, 3).sum(1).remainder(2)
    assert float(cells.mean()) < 0.005 or float(cells.mean()) > 0.995, "squares of one colour alone"


def test_unknown_points_are_told_with_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"'moon'.*2d:moons"):
        open_data("2d:moon")
    assert law("moons") is None
