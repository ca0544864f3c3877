"""The flow's density: whole, in the data's units, and of levels never more than there is."""

from __future__ import annotations

import math
import sys

import pytest
import torch

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.flow import FlowFamily


def bound_to(family: FlowFamily, data: Data) -> FlowFamily:
    family.network = family.build(data)
    with torch.no_grad():
        for parameter in family.network.parameters():  # bent, so that the determinant matters
            parameter.add_(0.3 * torch.randn_like(parameter))
    return family


def points(scale: float = 1.0) -> Data:
    x = scale * torch.randn(400, 2)
    return Data("points", "points", x, x)


@pytest.mark.parametrize("steps", ["spline", "affine"])
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_its_density_is_whole(steps: str, scale: float) -> None:
    family = bound_to(FlowFamily(steps, transforms=2, width=8), points(scale))  # type: ignore[arg-type]
    cells, reach = 800, 40.0 * scale
    side = ((torch.arange(cells) + 0.5) / cells * 2 - 1) * reach
    logs = family.log_prob(torch.cartesian_prod(side, side))
    assert logs.exact and logs.bits_per_dimension is None
    whole = float(logs.nats.exp().sum()) * (2 * reach / cells) ** 2
    assert whole == pytest.approx(1, abs=0.005)


def test_its_samples_follow_its_density() -> None:
    family = bound_to(FlowFamily(transforms=2, width=8), points())
    drawn = family.sample(20_000, 0)
    assert drawn.evaluations == 2
    inside = (drawn.x.abs() < 0.7).all(1).float().mean()
    side = ((torch.arange(200) + 0.5) / 200 * 2 - 1) * 0.7
    mass = family.log_prob(torch.cartesian_prod(side, side)).nats.exp().sum() * (1.4 / 200) ** 2
    assert float(inside) == pytest.approx(float(mass), abs=0.015)


def test_pictures_there_and_back_with_the_determinant_of_autograd() -> None:
    levels = 5
    x = torch.randint(0, levels, (6, 1, 2, 2)) / 2 - 1
    family = bound_to(FlowFamily(transforms=2, width=8), Data("pictures", "images", x, x, levels=levels))
    there, slope = family._to_flow(x.flatten(1))
    torch.testing.assert_close(family._to_data(there), x.flatten(1), atol=1e-5, rtol=0)
    one = x.flatten(1)[0].double()
    matrix = torch.autograd.functional.jacobian(lambda at: family._to_flow(at[None])[0][0], one)
    assert float(slope[0]) == pytest.approx(float(torch.linalg.slogdet(matrix)[1]), abs=1e-4)


def test_levels_have_no_more_than_all_the_probability() -> None:
    levels = 3
    grid = torch.cartesian_prod(*[torch.arange(levels)] * 2).reshape(-1, 1, 1, 2).float() - 1
    data = Data("two pixels", "images", grid, grid, levels=levels)
    family = bound_to(FlowFamily(transforms=2, width=8), data)
    bound = family.log_prob(grid)
    assert not bound.exact and bound.error is not None and bound.bits_per_dimension is not None
    assert 0.2 < float(bound.nats.exp().sum()) < 1 + 3 * float((bound.nats.exp() * bound.error).norm())
    assert bound.bits_per_dimension == pytest.approx(-float(bound.nats.mean()) / 2 / math.log(2))


def test_without_zuko_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zuko", None)
    monkeypatch.setitem(sys.modules, "zuko.flows", None)
    with pytest.raises(SettingError, match=r"pip install 'tasvir\[lab\]'"):
        FlowFamily().build(points())


def test_unknown_steps_are_refused() -> None:
    with pytest.raises(SettingError, match="spline, affine"):
        FlowFamily("planar")  # type: ignore[arg-type]
