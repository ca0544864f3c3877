"""The plugin around the search of latents by CLIP: how its models are found and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tasvir.errors import HubError, SettingError
from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.clip_latent import ClipLatentGenerator
from tasvir.models.hub.drawing import to_image
from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build, write
from tasvir.records import Prompt

CPU = LoadSettings(device="cpu")
BALL = Prompt("a red ball")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tiny") / "clip-latent"
    write("clip-latent", path)
    return str(path)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two models in folders of their own, as they lie on the hub."""
    root = tmp_path_factory.mktemp("parts")
    whole = build("clip-latent")
    whole.vae.save_pretrained(root / "autoencoder")
    whole.clip.save_pretrained(root / "clip")
    whole.tokenizer.save_pretrained(root / "clip")
    return root


def test_a_picture_says_how_like_its_text_it_is(folder: str) -> None:
    generator = ClipLatentGenerator(folder, CPU, cutouts=4, iterations=15)
    picture = generator.draw([BALL], [None], [3], DrawSettings(size=(64, 48)))[0]
    assert (picture.width, picture.height) == (64, 48)
    likeness = picture.provenance["likeness"]
    assert likeness["after"] > likeness["before"]
    assert (picture.provenance["steps"], picture.provenance["cutouts"]) == (15, 4)
    assert generator.native_size == (64, 64)


def test_what_clip_does_not_read_is_told(folder: str) -> None:
    long = Prompt("a red ball " + "and a cat " * 40 + "at dusk")
    generator = ClipLatentGenerator(folder, CPU, cutouts=2, iterations=1)
    size = DrawSettings(size=(32, 32))
    assert generator.draw([long], [None], [3], size)[0].provenance["unread"][0].endswith("dusk")
    assert "unread" not in generator.draw([BALL], [None], [3], size)[0].provenance


def test_from_two_folders_it_draws_the_same(folder: str, parts: Path) -> None:
    settings = DrawSettings(size=(32, 32), steps=2)
    one = ClipLatentGenerator(folder, CPU, cutouts=2).draw([BALL], [None], [3], settings)[0]
    other = ClipLatentGenerator(
        str(parts / "autoencoder"), CPU, clip=str(parts / "clip"), cutouts=2
    ).draw([BALL], [None], [3], settings)[0]  # fmt: skip
    assert np.array_equal(np.asarray(to_image(one)), np.asarray(to_image(other)))


def test_a_text_to_image_model_lends_its_autoencoder(parts: Path, tmp_path: Path) -> None:
    write("sd", tmp_path / "sd")
    generator = ClipLatentGenerator(str(tmp_path / "sd"), CPU, clip=str(parts / "clip"), cutouts=2)
    assert generator.draw([BALL], [None], [3], DrawSettings(size=(32, 32), steps=1))
    assert generator.pipeline.dtype == torch.float32


def test_a_clip_without_weights_or_an_autoencoder_that_is_none_is_told(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(HubError, match=str(tmp_path)):
        ClipLatentGenerator(str(parts / "autoencoder"), CPU, clip=str(tmp_path))
    with pytest.raises(HubError, match=r"clip"):
        ClipLatentGenerator(str(parts / "clip"), CPU, clip=str(parts / "clip"))


def test_a_clip_that_lacks_weights_is_refused(parts: Path, tmp_path: Path) -> None:
    """The library would fill them with random numbers and go on."""
    shutil.copytree(parts / "clip", tmp_path / "clip")
    file = tmp_path / "clip" / "model.safetensors"
    weights = load_file(file)
    del weights["visual_projection.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(HubError, match="clip"):
        ClipLatentGenerator(str(parts / "autoencoder"), CPU, clip=str(tmp_path / "clip"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (DrawSettings(size=(60, 64)), "multiples of 8, e.g. 64x64"),
        (DrawSettings(size=(64, 64), scale=7.5), "takes no scale"),
        (DrawSettings(size=(64, 64), sampler="euler"), "takes no sampler"),
    ],
)
def test_what_means_nothing_to_it_is_refused(folder: str, settings: DrawSettings, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        ClipLatentGenerator(folder, CPU).draw([BALL], [None], [3], settings)


@pytest.mark.parametrize("options", [{"iterations": 0}, {"cutouts": 0}, {"learning_rate": 0.0}])
def test_numbers_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(SettingError, match="must be at least 1"):
        ClipLatentGenerator("anything", CPU, **options)


@pytest.mark.parametrize("flags", [{"compile": True}, {"offload": "model"}])
def test_flags_without_use_are_refused_and_not_ignored(flags: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="no offload, no compile"):
        ClipLatentGenerator("anything", LoadSettings(**flags))
