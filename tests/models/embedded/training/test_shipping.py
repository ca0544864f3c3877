"""Trained weights are put in whole, with figures and hashes, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tasvir.errors import (
    NotShippedError,
    OutputError,
    RecordError,
    SettingError,
    UnknownNameError,
    WeightsError,
)
from tasvir.models.embedded import training, weights
from tasvir.models.embedded.training import TrainSettings, ship
from tasvir.models.embedded.training.sources import resumed_sources


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TASVIR_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def finished(run: Path, value: float) -> Path:
    (run / "recogniser").mkdir(parents=True, exist_ok=True)
    save_file({"weight": torch.tensor([value])}, run / "recogniser" / "model.safetensors")
    (run / "recogniser" / "config.json").write_text("{}")
    (run / "recogniser" / "README.md").write_text("")
    (run / "figures.json").write_text(json.dumps({"recall": value}))
    return run


def test_what_was_shipped_last_is_what_is_loaded(root: Path, tmp_path: Path) -> None:
    with pytest.raises(NotShippedError):
        weights.folder("recogniser")
    for value in (0.5, 0.75):
        run = finished(tmp_path / str(value), value)
        assert ship("recogniser", run) == root / "recogniser" == weights.folder("recogniser")
        assert load_file(root / "recogniser" / "model.safetensors")["weight"].item() == value
        assert json.loads((root / "recogniser" / "figures.json").read_text())["recall"] == value
    assert sorted(path.name for path in root.rglob("*.*")) == [
        "SHA256.json",
        "config.json",
        "figures.json",
        "model.safetensors",
    ]


def test_where_a_part_was_loaded_from_is_not_shipped(root: Path, tmp_path: Path) -> None:
    run = finished(tmp_path / "run", 0.5)
    config = {"_name_or_path": "/home/somebody/run", "width": 3}
    (run / "recogniser" / "config.json").write_text(json.dumps(config))
    ship("recogniser", run)
    assert json.loads((root / "recogniser" / "config.json").read_text()) == {"width": 3}


def test_unfinished_and_damaged_runs_leave_the_old_weights(root: Path, tmp_path: Path) -> None:
    ship("recogniser", finished(tmp_path / "good", 0.5))
    with pytest.raises(RecordError, match=r"holds no finished recogniser.*--resume"):
        ship("recogniser", tmp_path / "none")
    torn = finished(tmp_path / "torn", 0.75)
    file = torn / "recogniser" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(RecordError, match=r"model\.safetensors is damaged"):
        ship("recogniser", torn)
    weights.forget()
    assert load_file(weights.folder("recogniser") / "model.safetensors")["weight"].item() == 0.5


def test_what_cannot_be_shipped_says_why(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="inside the generator"):
        ship("autoencoder", tmp_path)
    with pytest.raises(UnknownNameError, match="'painter'"):
        ship("painter", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--weights"):
        ship("recogniser", finished(tmp_path / "run", 0.5), tmp_path / "file" / "weights")


@pytest.mark.parametrize(
    ("model", "option"),
    [
        ("autoencoder", "pipeline"),
        ("autoencoder", "recogniser"),
        ("oracle", "vae"),
        ("generator", "pipeline"),
    ],
)
def test_weights_that_a_model_does_not_learn_from_are_refused(
    tmp_path: Path, model: str, option: str
) -> None:
    with pytest.raises(SettingError, match=f"--{option} means nothing to the {model}"):
        training.run(model, TrainSettings(out=tmp_path / "run", device="cpu", **{option: tmp_path}))


@pytest.mark.parametrize(
    ("model", "option"),
    [("autoencoder", "vae"), ("generator", "vae"), ("recogniser", "vae"), ("recogniser", "pipeline")],
)
def test_a_folder_without_weights_is_refused(tmp_path: Path, model: str, option: str) -> None:
    with pytest.raises(WeightsError, match=f"--{option} .* holds no trained weights"):
        training.run(model, TrainSettings(out=tmp_path / "run", device="cpu", **{option: tmp_path}))


def test_the_first_generator_needs_an_autoencoder(root: Path, tmp_path: Path) -> None:
    with pytest.raises(NotShippedError, match=r"tasvir train autoencoder.*--vae runs/autoencoder/vae"):
        training.run("generator", TrainSettings(out=tmp_path / "run", device="cpu"))


def test_a_damaged_generator_is_no_missing_one(root: Path) -> None:
    assert training._shipped_generator() is None
    (root / "generator").mkdir(parents=True)
    (root / "generator" / "model_index.json").write_text("{}")
    weights.seal(root)
    assert training._shipped_generator() == root / "generator"
    weights.forget()
    (root / "generator" / "model_index.json").write_text("[]")
    with pytest.raises(WeightsError, match="damaged"):
        training._shipped_generator()


def generator_run(run: Path, encoder: float, decoder: float, folder: str = "pipeline/vae") -> Path:
    vae = run / folder
    vae.mkdir(parents=True)
    tensors = {"encoder.weight": torch.tensor([encoder]), "decoder.weight": torch.tensor([decoder])}
    save_file(tensors, vae / "diffusion_pytorch_model.safetensors")
    (vae / "config.json").write_text(json.dumps({"shift": [0.0], "spread": [1.0], "_name_or_path": "/x"}))
    (run / "figures.json").write_text(json.dumps({"run": run.name}))
    return run


def test_a_generator_ships_with_a_decoder_that_was_trained_on(root: Path, tmp_path: Path) -> None:
    generator = generator_run(tmp_path / "generator", 1.0, 2.0)
    better = generator_run(tmp_path / "better", 1.0, 3.0, "vae")
    folder = ship("generator", generator, autoencoder=better)
    shipped = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    assert shipped["decoder.weight"].item() == 3.0
    assert json.loads((folder / "vae" / "config.json").read_text()) == {"shift": [0.0], "spread": [1.0]}
    assert json.loads((folder / "figures.json").read_text()) == {
        "run": "generator",
        "decoder": {"run": "better"},
    }


def test_a_decoder_of_other_latents_is_refused(root: Path, tmp_path: Path) -> None:
    generator = generator_run(tmp_path / "generator", 1.0, 2.0)
    with pytest.raises(SettingError, match="another encoder"):
        ship("generator", generator, autoencoder=generator_run(tmp_path / "other", 1.5, 3.0, "vae"))
    with pytest.raises(SettingError, match="--autoencoder means nothing to the recogniser"):
        ship("recogniser", finished(tmp_path / "run", 0.5), autoencoder=tmp_path / "other")
    assert not root.exists()


def test_a_resumed_run_learns_from_the_weights_that_it_was_begun_with(tmp_path: Path) -> None:
    before = {"settings": {"vae": str(tmp_path / "mine"), "pipeline": None}}
    (tmp_path / "state.json").write_text(json.dumps(before))
    assert resumed_sources(TrainSettings(out=tmp_path)).vae == tmp_path / "mine"
    with pytest.raises(SettingError, match=r"was begun with .*mine"):
        resumed_sources(TrainSettings(out=tmp_path, vae=tmp_path / "other"))
    with pytest.raises(WeightsError, match=r"--vae .*mine holds no trained weights"):
        training.run("generator", TrainSettings(out=tmp_path, device="cpu", resume=True))
