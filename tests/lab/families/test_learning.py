"""Families that tell conditionals, and diffusion, learn: a mixture in the plane, a table of pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.distances import energy_distance
from tasvir.lab.families.base import Family
from tasvir.lab.training.settings import LoopSettings

LAW = MixtureLaw(
    torch.tensor([0.5, 0.3, 0.2]),
    torch.tensor([[1.2, 0.0], [-0.8, 0.9], [-0.6, -1.1]]),
    torch.tensor([[0.04, 0.04], [0.02, 0.09], [0.09, 0.02]]),
)
SMALL: dict[str, dict[str, Any]] = {
    "autoregressive": {"width": 32},
    "autoregressive-rnn": {"width": 32},
    "transformer": {"width": 32, "depth": 1},
    "diffusion": {"width": 48, "depth": 2},
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the loop sets it for the whole process


def points() -> Data:
    generator = torch.Generator().manual_seed(0)
    return Data("three", "points", LAW.sample(4000, generator).float(), LAW.sample(1000, generator).float())


def settings(out: Path, steps: int) -> LoopSettings:
    return LoopSettings(out, steps=steps, batch=256, lr=5e-3, dtype="float32")


@pytest.mark.parametrize("name", SMALL)
def test_a_mixture_is_learned(name: str, tmp_path: Path) -> None:
    """Held-out points are likelier than under the best Gaussian, by a nat, and no likelier than in truth."""
    data, family = points(), registry.create("lab.families", name, Family, **SMALL[name])
    cost = family.fit(data, settings(tmp_path, 200))
    assert cost.steps == 200
    assert cost.parameters == sum(one.numel() for one in family.network.parameters())
    some = data.test[:150]
    told = family.log_prob(some)
    assert told is not None and told.exact
    normal = torch.distributions.MultivariateNormal(data.train.mean(0), torch.cov(data.train.T))
    better = told.nats - normal.log_prob(some)
    assert float(better.mean()) > 1
    missed = LAW.log_density(some.double(), 1.0, 0.0) - told.nats
    assert float(missed.mean()) > -3 * float(missed.std()) / len(some) ** 0.5
    drawn = family.sample(1000, 0).x.double().numpy()
    far = float(energy_distance(normal.sample((1000,)).double().numpy(), data.test.double().numpy()).value)
    assert float(energy_distance(drawn, data.test.double().numpy()).value) < far / 3


@pytest.mark.parametrize("name", ["autoregressive", "autoregressive-rnn", "transformer"])
def test_a_table_of_pictures_is_learned(name: str, tmp_path: Path) -> None:
    """KL(table || model) by enumeration of 81 pictures, 0.05 nats where independent pixels miss 0.4."""
    every = torch.tensor(list(itertools.product([-1.0, 0.0, 1.0], repeat=4))).view(-1, 1, 2, 2)
    flat = every.flatten(1)
    table = (1.5 * (flat[:, 0] * flat[:, 3] - flat[:, 1] * flat[:, 2]) + 0.5 * flat[:, 0]).softmax(0).double()
    chosen = torch.multinomial(table, 20_000, replacement=True, generator=torch.Generator().manual_seed(0))
    data = Data("table", "images", every[chosen], every, levels=3)
    sizes = {"width": 16, "depth": 2} if name == "autoregressive" else SMALL[name]
    family = registry.create("lab.families", name, Family, **sizes)
    family.fit(data, settings(tmp_path, 150))
    told = family.log_prob(every)
    assert told is not None and told.bits_per_dimension is not None
    assert float((table * (table.log() - told.nats)).sum()) < 0.05
    shares = torch.stack([((flat == value).T.double() @ table) for value in (-1.0, 0.0, 1.0)], 1)
    independent = shares.log().T[(flat + 1).long(), torch.arange(4)].sum(1)
    assert float((table * (table.log() - independent)).sum()) > 0.4


def test_data_of_another_kind_are_refused(tmp_path: Path) -> None:
    tokens = Data("words", "tokens", torch.zeros(4, 3).long(), torch.zeros(4, 3).long(), levels=2)
    for name in SMALL:
        with pytest.raises(SettingError, match="words are tokens"):
            registry.create("lab.families", name, Family).fit(tokens, settings(tmp_path, 1))
