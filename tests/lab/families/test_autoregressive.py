"""Products of conditionals: sums over all pictures, integrals over the plane, masks, sampling by steps."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tasvir import registry
from tasvir.errors import NotFiniteError, SettingError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.families.autoregressive import AutoregressiveFamily
from tasvir.lab.families.autoregressive_rnn import AutoregressiveRnnFamily
from tasvir.lab.families.base import Family
from tasvir.lab.families.laws import chosen
from tasvir.lab.families.sequential import SequentialFamily, as_rows, from_rows

ALL: list[tuple[str, dict[str, Any]]] = [
    ("autoregressive", {"width": 8, "depth": 3}),
    ("autoregressive-rnn", {"width": 8}),
    ("autoregressive-rnn", {"width": 8, "cell": "lstm"}),
    ("transformer", {"width": 8, "depth": 2, "heads": 2, "patch": 1}),
]
NAMED = ["masked", "gru", "lstm", "transformer"]
LAWS = ALL[:3]
POINTS = Data("two", "points", torch.randn(500, 2), torch.randn(10, 2))


def pictures(shape: tuple[int, ...], levels: int) -> Tensor:
    """All there are."""
    values = torch.linspace(-1, 1, levels).tolist()
    return torch.tensor(list(itertools.product(values, repeat=math.prod(shape)))).reshape(-1, *shape)


def of(shape: tuple[int, ...], levels: int | None) -> Data:
    """Data of pictures; one example of each, or random ones without levels."""
    x = torch.rand(8, *shape) * 2 - 1 if levels is None else pictures(shape, levels)
    return Data("all", "images", x, x, levels=levels)


def made(name: str, options: dict[str, Any], data: Data, shaken: float = 0.4) -> Any:
    """A family bound to data, its weights far from where they begin."""
    family = registry.create("lab.families", name, Family, **options)
    assert isinstance(family, SequentialFamily)
    family.network = family.build(data).eval()
    with torch.no_grad():
        for parameter in family.network.parameters():
            parameter.add_(shaken * torch.randn_like(parameter))
    return family


def nats(family: SequentialFamily, x: Tensor) -> Tensor:
    told = family.log_prob(x)
    assert told is not None and told.exact and told.error is None and told.nats.dtype == torch.float64
    return told.nats


@pytest.mark.parametrize(("name", "options"), ALL, ids=NAMED)
@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 2), 3), ((3, 1, 2), 2), ((1, 3, 2), 2)])
def test_probabilities_of_all_pictures_sum_to_1(
    name: str, options: dict[str, Any], shape: tuple[int, ...], levels: int
) -> None:
    family, every = made(name, options, of(shape, levels)), pictures(shape, levels)
    found = nats(family, every).exp()
    assert float(found.sum()) == pytest.approx(1, abs=1e-6)
    assert float(found.max() / found.min()) > 3, "a law that is all the same shows little"


@pytest.mark.parametrize(("name", "options"), ALL, ids=NAMED)
def test_samples_have_the_law_that_is_told(name: str, options: dict[str, Any]) -> None:
    """20,000 draws of 2 x 2 pictures of 3 levels: every picture's share within 5 standard errors."""
    family, every, n = made(name, options, of((1, 2, 2), 3)), pictures((1, 2, 2), 3), 20_000
    drawn = family.sample(n, 3)
    assert drawn.evaluations == 4 and drawn.x.shape == (n, 1, 2, 2)
    law = nats(family, every).exp()
    places = torch.tensor([27, 9, 3, 1]) * ((drawn.x.flatten(1) + 1).round().long())
    shares = torch.bincount(places.sum(1), minlength=81) / n
    assert bool(((shares - law).abs() <= 5 * (law * (1 - law) / n).sqrt() + 1e-9).all())
    assert torch.equal(drawn.x, family.sample(n, 3).x)
    assert not torch.equal(drawn.x, family.sample(n, 4).x)


def by_whole_passes(family: Any, shape: tuple[int, ...], n: int, seed: int) -> Tensor:
    """Samples by running the whole network anew for every number."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.zeros_like(as_rows(torch.empty(n, *shape)))
    for row, column in itertools.product(range(rows.shape[1]), range(rows.shape[2])):
        rows[:, row, column] = family.law.draw(family.network(rows)[:, row, column], generator)
    return from_rows(rows, shape)


@pytest.mark.parametrize(("name", "options"), LAWS, ids=NAMED[:3])
@pytest.mark.parametrize(
    ("shape", "levels"), [((1, 6, 5), 4), ((3, 4, 3), 3), ((2,), None), ((1, 4, 3), None)]
)
def test_sampling_in_small_steps_is_sampling_by_whole_passes(
    name: str, options: dict[str, Any], shape: tuple[int, ...], levels: int | None
) -> None:
    data = POINTS if len(shape) == 1 else Data("x", "images", *[torch.rand(4, *shape)] * 2, levels=levels)
    family = made(name, options, data)
    with torch.no_grad():
        expected = by_whole_passes(family, shape, 16, 5)
    found = family.sample(16, 5)
    assert torch.allclose(found.x, expected, atol=1e-4) and found.evaluations == math.prod(shape)


@pytest.mark.parametrize(("name", "options"), LAWS, ids=NAMED[:3])
@pytest.mark.parametrize("shape", [(5,), (1, 5, 5), (3, 3, 2)])
def test_a_law_depends_on_all_numbers_before_and_on_no_other(
    name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    """By derivatives: a triangle below the diagonal without holes, so that there is no blind spot either."""
    kind = "points" if len(shape) == 1 else "images"
    x = torch.rand(3, *shape) * 2 - 1
    sizes = {**options, "depth": 6} if "depth" in options else options
    family = made(name, {**sizes, "width": 16}, Data("x", kind, x, x), shaken=0.1)
    rows = as_rows(x[:1]).double()
    network = family.network.double()
    found = torch.autograd.functional.jacobian(network, rows)[0, :, :, :, 0]
    size = rows.numel()
    felt = found.abs().amax(2).reshape(size, size) > 0
    assert torch.equal(felt, torch.ones(size, size).tril(-1).bool())


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recurrent_law_is_its_cell_step_by_step(cell: str) -> None:
    """log p of a 2 x 2 picture by hand: torch's single-step cells with the same weights."""
    family = made("autoregressive-rnn", {"width": 8, "cell": cell}, of((1, 2, 2), 3))
    x = pictures((1, 2, 2), 3)[[50]]
    network, rows, total = family.network, as_rows(x), 0.0
    single = {"gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}[cell]
    down, right = single(2, 8), single(10, 8)
    down.load_state_dict({key[:-3]: value for key, value in network.rows.state_dict().items()})
    right.load_state_dict({key[:-3]: value for key, value in network.columns.state_dict().items()})
    above, state = torch.zeros(1, 2), None
    with torch.no_grad():
        for row in rows[0]:
            state = down(above, state)
            context = state[0] if cell == "lstm" else state
            left, other = torch.zeros(1, 1), None
            for column in range(2):
                other = right(torch.cat((left, above[:, [column]], context), 1), other)
                told = network.leave(other[0] if cell == "lstm" else other).softmax(1)
                total += math.log(float(told[0, int(row[column] + 1)]))
                left = row[column].view(1, 1)
            above = row[None]
    assert float(nats(family, x)) == pytest.approx(total, abs=1e-5)


def test_a_density_of_points_is_the_product_of_its_mixtures_by_hand() -> None:
    family = made("autoregressive", {"width": 8}, POINTS)
    point = torch.tensor([[0.3, -0.7]])
    told, total = family.network(as_rows(point))[0, 0].double().detach(), 0.0
    for number, value in enumerate(point[0].tolist()):
        weights, means, spreads = told[number].chunk(3)
        density = 0.0
        for k in range(len(means)):
            weight = float(weights.softmax(0)[k])
            mean = POINTS.deviation * (float(means[k]) - 2 + 4 * k / (len(means) - 1))
            deviation = POINTS.deviation * math.exp(float(spreads[k]) - 1)
            away = (value - mean) / deviation
            density += weight * math.exp(-away * away / 2) / (deviation * math.sqrt(2 * math.pi))
        total += math.log(density)
    assert float(nats(family, point)) == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize(("name", "options"), LAWS, ids=NAMED[:3])
def test_densities_integrate_to_1(name: str, options: dict[str, Any]) -> None:
    family = made(name, options, POINTS, shaken=0.2)
    side = torch.arange(-10, 10, 0.05)
    found = family.log_prob(torch.cartesian_prod(side, side))
    assert found is not None and found.bits_per_dimension is None
    assert float(found.nats.exp().sum()) * 0.05**2 == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("name", "options"), ALL, ids=NAMED)
def test_a_network_that_knows_nothing_tells_log2_of_the_levels(name: str, options: dict[str, Any]) -> None:
    data = of((1, 2, 2), 3)
    family = made(name, options, data)
    with torch.no_grad():
        leave = family.network.leave
        for parameter in (leave[-1] if isinstance(leave, torch.nn.Sequential) else leave).parameters():
            parameter.zero_()
    told = family.log_prob(data.test)
    assert told is not None and told.bits_per_dimension == pytest.approx(math.log2(3), abs=1e-6)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UnknownNameError, match="known: gru, lstm"):
        AutoregressiveRnnFamily(cell="elman")
    for options in ({"width": 0}, {"depth": True}, {"width": 2.5}):
        with pytest.raises(SettingError, match="whole number from 1"):
            AutoregressiveFamily(**options)  # type: ignore[arg-type]
    with pytest.raises(NotFiniteError, match="NaN"):
        chosen(torch.tensor([[0.0, math.nan]]), torch.Generator())
    family = made("autoregressive", {"width": 4}, of((1, 2, 2), 3))
    with pytest.raises(SettingError, match="not of 3 levels"):
        family.log_prob(torch.full((1, 1, 2, 2), 0.5))
