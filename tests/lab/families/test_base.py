"""A fit in its folder: what it says of itself, and what it is not taken for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tasvir.errors import RecordError, SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.diffusion import DiffusionFamily
from tasvir.lab.families.keeping import read_kept
from tasvir.lab.families.vae import VaeFamily
from tasvir.lab.training.settings import LoopSettings


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)


def points(name: str = "points") -> Data:
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    return Data(name, "points", x[:48], x[48:])


def fitted(out: Path, **options: object) -> VaeFamily:
    family = VaeFamily(width=8, **options)  # type: ignore[arg-type]
    family.fit(points(), LoopSettings(out, steps=2, batch=4, threads=1))
    return family


def test_options_are_what_a_family_was_made_with() -> None:
    assert VaeFamily(width=8).options() == {
        "latent": None,
        "width": 8,
        "beta": 1.0,
        "draws": 64,
        "noisy": None,
    }
    assert DiffusionFamily("rectified-flow", width=16).options() == {"model": "rectified-flow", "width": 16}


def test_a_folder_says_what_was_fitted(tmp_path: Path) -> None:
    fitted(tmp_path)
    kept = read_kept(tmp_path)
    assert (kept.family, kept.data, kept.seed, kept.facts.shape) == ("vae", "points", 0, (2,))
    assert kept.cost is not None and (kept.cost.steps, kept.cost.examples) == (2, 8)
    count = sum(parameter.numel() for parameter in fitted(tmp_path / "again").network.parameters())
    assert kept.cost.parameters == count


def test_a_fit_is_not_opened_as_another(tmp_path: Path) -> None:
    fitted(tmp_path)
    with pytest.raises(SettingError, match="options"):
        VaeFamily(width=9).open(tmp_path, points())
    with pytest.raises(SettingError, match="data"):
        VaeFamily(width=8).open(tmp_path, points("others"))
    with pytest.raises(RecordError, match="holds no fitted family"):
        VaeFamily(width=8).open(tmp_path / "elsewhere", points())


def test_another_fit_is_neither_gone_on_with_nor_written_over(tmp_path: Path) -> None:
    fitted(tmp_path)
    before = (tmp_path / "family.json").read_text("utf-8")
    for resume, family, data, wanted in (
        (False, VaeFamily(width=8), points(), "already holds a run"),
        (True, VaeFamily(width=8), points("others"), "holds a run of 'vae of points'"),
        (True, VaeFamily(width=8, beta=2.0), points(), "options"),
    ):
        with pytest.raises((RecordError, SettingError), match=wanted):
            family.fit(data, LoopSettings(tmp_path, steps=2, batch=4, threads=1, resume=resume))
    assert (tmp_path / "family.json").read_text("utf-8") == before


def test_damage_is_told(tmp_path: Path) -> None:
    fitted(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(RecordError, match="weights"):
        VaeFamily(width=8).open(tmp_path, points())
    (tmp_path / "family.json").write_text(json.dumps({"family": "vae"}), "utf-8")
    with pytest.raises(RecordError, match=r"family\.json is damaged"):
        VaeFamily(width=8).open(tmp_path, points())


def test_a_seed_makes_the_fit_and_another_makes_another(tmp_path: Path) -> None:
    one, two = fitted(tmp_path / "1"), fitted(tmp_path / "2")
    other = VaeFamily(width=8)
    other.fit(points(), LoopSettings(tmp_path / "3", steps=2, batch=4, threads=1, seed=1))
    weights = [family.network.decoder[0].weight for family in (one, two, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_another_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="CPU"):
        VaeFamily().fit(points(), LoopSettings(tmp_path, steps=2, device="cuda"))
