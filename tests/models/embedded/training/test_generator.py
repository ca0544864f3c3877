"""The generator's training task: its target is the true v, data are dropped as said, it saves a pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
from tasvir.models.embedded.conditioning import Grounding
from tasvir.models.embedded.denoiser import LayoutTransformer
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.embedded.training import generator as training
from tasvir.models.embedded.training.generator import DRAWS, GeneratorTask
from tasvir.world.captions import VOCABULARY
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene


@pytest.fixture
def task() -> GeneratorTask:
    torch.manual_seed(0)
    return GeneratorTask(torch.device("cpu"), 0, EmbeddedAutoencoder(width=8))


def test_the_vocabulary_is_known_and_the_autoencoder_is_left_alone(task: GeneratorTask) -> None:
    assert not any(parameter.requires_grad for parameter in task.vae.parameters())
    assert set(task.network().state_dict()) == {
        f"{part}.{key}"
        for part, module in (("text_encoder", task.text_encoder), ("denoiser", task.denoiser))
        for key in module.state_dict()
    }
    assert task.text_encoder.unread(" ".join(sorted(VOCABULARY)), limit=10_000) == ()


class Answers(nn.Module):
    """Returns v = alpha eps - sigma x0 for the x0 that it was told."""

    def __init__(self, x0: Tensor, alphas: Tensor) -> None:
        super().__init__()
        self.x0, self.alphas = x0, alphas
        self.times: list[int] = []

    def forward(self, noisy: Tensor, timesteps: Tensor, *_: Tensor) -> Tensor:
        self.times += timesteps.tolist()
        kept = self.alphas[timesteps].view(-1, 1, 1, 1).double()
        eps = (noisy.double() - kept.sqrt() * self.x0) / (1 - kept).sqrt()
        return (kept.sqrt() * eps - (1 - kept).sqrt() * self.x0).float()


def test_the_true_v_has_no_loss(task: GeneratorTask, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 40
    x0 = torch.randn(count, 16, 16, 16, generator=torch.Generator().manual_seed(1))
    layouts = [Grounding(("a dog",), ((0.1, 0.1, 0.5, 0.5),)), Grounding()] * (count // 2)
    monkeypatch.setattr(
        task, "_data", lambda rng, n: (x0, torch.ones(count, 1, 16, 16), ["a dog"] * count, layouts)
    )
    answers = Answers(x0.double(), task.alphas)
    task.denoiser = answers  # type: ignore[assignment]
    loss, figures = task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), count)
    assert float(loss) < 1e-6
    assert figures.keys() == {"loss", "with_layout", "text_only"}
    assert len(set(answers.times)) > count // 2
    assert set(answers.times) <= set(range(1000))
    answers.x0 = answers.x0 + 1.0
    assert float(task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), count)[0]) > 0.1


def test_a_small_thing_weighs_as_much_as_a_large_one_and_more_than_the_backdrop() -> None:
    large = Placed("bus", (0.0, 0.0, 0.5, 0.5), "red", "plain", None, "left")
    small = Placed("key", (0.75, 0.75, 1.0, 1.0), "red", "plain", None, None)
    weights = training.cell_weights([Scene((large, small)), Scene(())], 16)
    assert weights.shape == (2, 1, 16, 16)
    np.testing.assert_allclose(weights.mean((2, 3)), 1.0, rtol=1e-6)
    np.testing.assert_allclose(weights[1], 1.0, rtol=1e-6)
    backdrop, of_large, of_small = weights[0, 0, 0, 15], weights[0, 0, 4, 4], weights[0, 0, 14, 14]
    np.testing.assert_allclose(of_large / backdrop, (0.5 + 0.5 / 0.5) / 0.5, rtol=1e-5)  # root of a quarter
    np.testing.assert_allclose(of_small / backdrop, (0.5 + 0.5 / 0.25) / 0.5, rtol=1e-5)


def test_texts_and_layouts_are_dropped_as_often_as_said(
    task: GeneratorTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "render", lambda scene: np.zeros((16, 16, 3), np.uint8))
    latents, weights, prompts, layouts = task._data(np.random.default_rng(0), 200)
    n = 200 * DRAWS
    assert len(latents) == len(weights) == len(prompts) == len(layouts) == n

    def share(values: list[bool], expected: float) -> None:
        assert abs(np.mean(values) - expected) < 4 * np.sqrt(expected * (1 - expected) / len(values))

    grounded = [bool(layout.phrases) for layout in layouts]
    share([not whole for whole in grounded], 0.35)
    share([text == "" for text, whole in zip(prompts, grounded, strict=True) if whole], 0.25)
    share([text == "" for text, whole in zip(prompts, grounded, strict=True) if not whole], 0.15)
    share([layout.background is None for layout in layouts if layout.phrases], 0.3)


def test_a_layout_is_that_of_the_scene() -> None:
    rng = np.random.default_rng(4)
    scene = sample_scene(rng)
    layout = training._grounding(scene, rng)
    assert layout.boxes == tuple(thing.box for thing in scene.things)
    assert all(thing.kind in phrase for thing, phrase in zip(scene.things, layout.phrases, strict=True))


def test_one_picture_is_enough_for_a_step(task: GeneratorTask) -> None:
    loss, _ = task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), 1)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is None for p in task.vae.parameters())
    # only the last layer learns at first: it starts at zero and lets nothing through
    assert task.denoiser.patch_out.weight.grad is not None
    assert task.denoiser.patch_out.weight.grad.abs().max() > 0


def test_what_is_finished_is_a_pipeline_that_loads(task: GeneratorTask, tmp_path: Path) -> None:
    small = {"channels": 16, "width": 64, "depth": 2, "heads": 1, "text_width": 192}
    task.denoiser = LayoutTransformer(**small)
    task.models["denoiser"] = task.denoiser
    task.finish(tmp_path)
    pipeline = EmbeddedLayoutPipeline.from_pretrained(str(tmp_path / "pipeline"), local_files_only=True)
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    assert pipeline.denoiser.config.width == 64
    pipeline.to(torch.float32)
    for key, value in pipeline.text_encoder.state_dict().items():
        torch.testing.assert_close(value, task.text_encoder.state_dict()[key].half().float())
    assert (tmp_path / "figures.json").exists()
