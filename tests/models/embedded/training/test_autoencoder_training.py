"""The autoencoder's training task and the pixels it works on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
from tasvir.models.embedded.training import autoencoder as training
from tasvir.models.embedded.training.autoencoder import CROP, AutoencoderTask
from tasvir.models.embedded.training.pixels import to_tensor


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> AutoencoderTask:
    monkeypatch.setattr(training, "EmbeddedAutoencoder", lambda: EmbeddedAutoencoder(width=8))
    return AutoencoderTask(torch.device("cpu"), 0)


def test_pixels_by_hand() -> None:
    pixels = np.zeros((1, 2, 3, 3), np.uint8)
    pixels[0, 1, 2] = (255, 51, 204)
    tensor = to_tensor(pixels, torch.device("cpu"))
    assert tensor.shape == (1, 3, 2, 3)
    torch.testing.assert_close(tensor[0, :, 1, 2], torch.tensor([1.0, -0.6, 0.6]))
    assert (tensor[0, :, 0] == -1).all()


def test_crops_are_parts_of_renders_at_places_that_vary(
    task: AutoencoderTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, x = np.mgrid[:128, :128].astype(np.uint8)
    monkeypatch.setattr(training, "render", lambda scene: np.stack([y, x, 0 * x], -1))
    crops = ((task._crops(np.random.default_rng(0), 12) + 1) * 127.5).round()
    assert crops.shape == (12, 3, CROP, CROP)
    ramp = torch.arange(CROP, dtype=torch.float32)
    for crop in crops:
        torch.testing.assert_close(crop[0], (crop[0, 0, 0] + ramp)[:, None].expand(CROP, CROP))
        torch.testing.assert_close(crop[1], (crop[1, 0, 0] + ramp).expand(CROP, CROP))
    assert len({(float(crop[0, 0, 0]), float(crop[1, 0, 0])) for crop in crops}) == 12


def test_a_perfect_reconstruction_pays_for_wide_latents_only(
    task: AutoencoderTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LATENT_NOISE", 0.0)
    for factor, expected in ((0.5, 0.0), (2.0, 0.01 * (4.0 - 1.0))):
        pictures = torch.ones(2, 3, 8, 8)
        monkeypatch.setattr(task, "_crops", lambda rng, batch, given=pictures: given)
        monkeypatch.setattr(task.model, "encode_raw", lambda given, f=factor: f * given)
        monkeypatch.setattr(task.model, "decode_raw", lambda given, f=factor: given / f)
        loss, figures = task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), 2)
        assert float(loss) == pytest.approx(expected)
        assert figures["latent"] == pytest.approx(factor**2)


def test_error_is_brightness_plus_edges(task: AutoencoderTask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Black read as a ramp of 0.1 a column: mean error 0.05 * 7, edges 0.1 along x and 0 along y."""
    ramp = 0.1 * torch.arange(8, dtype=torch.float32).expand(1, 3, 8, 8)
    monkeypatch.setattr(task, "_crops", lambda rng, batch: torch.zeros(1, 3, 8, 8))
    monkeypatch.setattr(task.model, "encode_raw", lambda given: given)
    monkeypatch.setattr(task.model, "decode_raw", lambda given: ramp)
    loss, figures = task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), 1)
    assert float(loss) == pytest.approx(0.35 + 0.1)
    mse = sum((0.1 * i) ** 2 for i in range(8)) / 8
    assert figures["psnr"] == pytest.approx(10 * np.log10(4 / mse), rel=1e-4)


def test_what_is_finished_standardises_its_latents(
    task: AutoencoderTask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scenes = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    monkeypatch.setattr(task, "_whole", lambda rng, count: scenes)
    task.finish(tmp_path)
    loaded = EmbeddedAutoencoder.from_pretrained(tmp_path / "vae", local_files_only=True).float()
    with torch.no_grad():
        latents = loaded.encode(scenes)
        error = (loaded.decode(latents) - scenes).square().mean((1, 2, 3))
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(16), atol=0.05, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(16), atol=0.05, rtol=0)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["n"] == 16
    assert figures["psnr_mean"] == pytest.approx(float((10 * torch.log10(4 / error)).mean()), abs=0.02)


def test_a_kept_encoder_keeps_its_latents(
    task: AutoencoderTask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(training, "EmbeddedAutoencoder", EmbeddedAutoencoder)
    task.finish(tmp_path / "first")
    kept = AutoencoderTask(torch.device("cpu"), 1, tmp_path / "first" / "vae")
    before = {name: value.clone() for name, value in kept.model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in kept.network().parameters() if p.requires_grad], lr=0.1)
    loss, _ = kept.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), 4)
    loss.backward()
    optimizer.step()
    changed = {
        name for name, value in kept.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed
    assert all(name.startswith("decoder.") for name in changed)
    monkeypatch.setattr(kept, "_whole", lambda rng, count: torch.rand(4, 3, 32, 32))
    kept.finish(tmp_path / "second")
    first, second = (
        EmbeddedAutoencoder.from_pretrained(tmp_path / run / "vae", local_files_only=True).float()
        for run in ("first", "second")
    )
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(first.encode(pictures), second.encode(pictures))
        assert not torch.allclose(
            first.decode(first.encode(pictures)), second.decode(second.encode(pictures))
        )
