"""Every installed family: fitted, stopped and gone on with, sampled, opened, asked for its likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tasvir import registry
from tasvir.errors import RecordError, SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.base import Family
from tasvir.lab.training.settings import LoopSettings

FAMILIES = registry.names("lab.families")
QUICK: dict[str, dict[str, Any]] = {
    "energy": {"sample_steps": 10, "chains": 32, "width": 16},
    "flow": {"width": 16},
    "autoregressive-rnn": {"width": 16},
}
"""Options that only spare time."""
BATCH = 8


class StoppedError(Exception):
    """Stands in for whatever ends a fit in its midst."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the loop sets it for the whole process


def made(name: str) -> Family:
    return registry.create("lab.families", name, Family, **QUICK.get(name, {}))


def data_of(kind: str) -> Data:
    generator = torch.Generator().manual_seed(7)
    if kind == "points":
        x = torch.randn(48, 2, generator=generator)
        return Data("some points", "points", x[:40], x[40:])
    levels = torch.randint(0, 5, (48, 1, 8, 8), generator=generator) / 2 - 1
    return Data("some pictures", "images", levels[:40], levels[40:], levels=5)


def settings(out: Path, resume: bool = False) -> LoopSettings:
    return LoopSettings(out, steps=4, batch=BATCH, threads=1, resume=resume)


@pytest.fixture(params=["points", "images"])
def data(request: pytest.FixtureRequest) -> Data:
    return data_of(request.param)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_fitted_sampled_opened_and_asked(name: str, data: Data, tmp_path: Path) -> None:
    family = made(name)
    if data.kind not in family.kinds:
        pytest.skip(f"takes {family.kinds}")
    cost = family.fit(data, settings(tmp_path))
    assert (cost.steps, cost.examples) == (4, 4 * BATCH)
    assert cost.parameters > 0 and cost.seconds > 0 and family.source
    drawn = family.sample(3, 0)
    assert drawn.x.shape == (3, *data.shape) and bool(torch.isfinite(drawn.x).all())
    assert drawn.evaluations >= 1 and drawn.seconds > 0 and not drawn.x.requires_grad
    assert torch.equal(drawn.x, family.sample(3, 0).x)
    assert not torch.equal(drawn.x, family.sample(3, 1).x)
    bound = family.log_prob(data.test[:2], 0)
    assert (bound is None) == (family.no_likelihood is not None)
    if bound is not None:
        assert bound.nats.shape == (2,) and bool(torch.isfinite(bound.nats).all())
        assert not bound.nats.requires_grad
        assert (bound.bits_per_dimension is not None) == (data.levels is not None)
    opened = made(name)
    assert opened.open(tmp_path, data) == cost
    assert torch.equal(opened.sample(3, 0).x, drawn.x), "not all that a sample hangs on is kept"
    again = opened.log_prob(data.test[:2], 0)
    assert bound is None if again is None else bound is not None and torch.equal(again.nats, bound.nats)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fit_that_was_stopped_ends_as_one_that_was_not(name: str, data: Data, tmp_path: Path) -> None:
    if data.kind not in made(name).kinds:
        pytest.skip("takes others")
    whole, first, second = made(name), made(name), made(name)
    whole.fit(data, settings(tmp_path / "whole"))
    loss, steps = first.loss, []

    def stopping(x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        steps.append(x)
        if len(steps) == 3:
            raise StoppedError
        return loss(x, generator)

    first.loss = stopping  # type: ignore[method-assign]
    with pytest.raises(StoppedError):
        first.fit(data, settings(tmp_path / "parts"))
    with pytest.raises(RecordError, match="not over"):
        made(name).open(tmp_path / "parts", data)
    second.fit(data, settings(tmp_path / "parts", resume=True))
    wanted, found = whole.network.state_dict(), second.network.state_dict()
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)


@pytest.mark.parametrize("name", FAMILIES)
def test_data_of_another_kind_are_refused(name: str, tmp_path: Path) -> None:
    tokens = Data("tokens", "tokens", torch.zeros(4, 2).long(), torch.zeros(2, 2).long(), levels=3)
    if "tokens" in made(name).kinds:
        pytest.skip("takes them")
    with pytest.raises(SettingError, match="tokens"):
        made(name).fit(tokens, settings(tmp_path))
