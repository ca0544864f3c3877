"""Comparing goes on where it was, never twice over the same, and says what failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.data import points
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.comparing import Plan, compare, folder_of, read_row
from tasvir.lab.families.gan import GanFamily
from tasvir.lab.families.measuring import Eyes
from tasvir.lab.families.vae import VaeFamily

DATA = points.read("two-gaussians")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)


def plan(out: Path, **changed: Any) -> Plan:
    return replace(Plan(out, None, 3, (0,), 50, 20, threads=1), **changed)


def run(of: Plan) -> list[Any]:
    return list(compare([VaeFamily(width=8, draws=4), GanFamily(width=8)], DATA, Eyes(DATA), of))


def test_rows_are_measured_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run(plan(tmp_path, seeds=(0, 1)))
    assert [(row.family, row.seed) for row in rows] == [("vae", 0), ("vae", 1), ("gan", 0), ("gan", 1)]
    assert rows[0].likelihood is not None and rows[0].likelihood.n == 20 and rows[2].likelihood is None
    assert "density" in str(rows[2].no_likelihood)
    assert all(row.look is not None and row.look.n == 50 and row.cost.steps == 3 for row in rows)
    assert rows[0].look != rows[1].look
    assert all(read_row(json.loads(json.dumps(asdict(row)))) == row for row in rows)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("done before")

    for family in (VaeFamily, GanFamily):
        monkeypatch.setattr(family, "loss", never)
        monkeypatch.setattr(family, "sample", never)
    assert run(plan(tmp_path, seeds=(0, 1))) == rows


def test_more_samples_are_drawn_of_the_same_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = run(plan(tmp_path))
    assert few[0].seconds_a_thousand == few[0].seconds * 1000 / 50
    monkeypatch.setattr(VaeFamily, "loss", None)
    many = run(plan(tmp_path, number=80))
    assert many[0].look.n == 80 and many[0].cost == few[0].cost


def test_another_budget_or_other_options_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    run(plan(tmp_path))
    with pytest.raises(SettingError, match="another folder"):
        run(plan(tmp_path, steps=4))
    with pytest.raises(SettingError, match="options"):
        list(compare([VaeFamily(width=9)], DATA, Eyes(DATA), plan(tmp_path)))


def test_a_family_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise NotFiniteError("the loss is NaN")

    monkeypatch.setattr(VaeFamily, "loss", broken)
    failed, done = run(plan(tmp_path))
    assert failed.failed == "the loss is NaN" and failed.look is None and done.look is not None


def test_samples_that_are_not_finite_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        VaeFamily, "sample", lambda self, n, seed: Sampled(torch.full((n, 2), torch.nan), 1, 0.1)
    )
    assert "NaN" in str(run(plan(tmp_path))[0].failed)
    assert (folder_of("vae", 0, tmp_path) / "measured.json").exists()


def test_plans_and_families_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="20 or more"):
        plan(tmp_path, number=3)
    with pytest.raises(SettingError, match="each once"):
        plan(tmp_path, seeds=(1, 1))
    with pytest.raises(SettingError, match="name each once"):
        list(compare([VaeFamily(), VaeFamily()], DATA, Eyes(DATA), plan(tmp_path)))
