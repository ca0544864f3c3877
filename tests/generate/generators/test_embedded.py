"""The embedded generator on a tiny pipeline with random weights: what every user of it may count on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from numpy.typing import NDArray
from PIL import Image
from sampler_names import SAMPLERS
from torch import Tensor

from tasvir import registry
from tasvir.errors import PluginError, SettingError, UnknownNameError, WeightsError
from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.embedded import SCALE, STEPS, EmbeddedGenerator
from tasvir.models.embedded.conditioning import MAX_THINGS
from tasvir.models.embedded.denoiser import LayoutTransformer
from tasvir.models.embedded.layout_pipeline import SCHEDULE, EmbeddedLayoutPipeline
from tasvir.models.hub.drawing import scheduler_of
from tasvir.records import Box, Layout, Picture, Prompt, Thing

PROMPT = Prompt("a red car left of a dog")
LAYOUT = Layout(
    (Thing("a red car", Box(0.1, 0.4, 0.5, 0.8)), Thing("a dog", Box(0.6, 0.4, 0.9, 0.8))), "park"
)
QUICK = DrawSettings(steps=1)


@pytest.fixture(scope="module")
def saved(tiny_pipeline: EmbeddedLayoutPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    tiny_pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def generator(saved: Path) -> EmbeddedGenerator:
    return EmbeddedGenerator(str(saved), device="cpu")


def test_it_loads_quietly(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a library logs lands on the user's terminal."""
    generator = EmbeddedGenerator(str(saved), device="cpu")
    generator.draw([PROMPT], [LAYOUT], [0], DrawSettings(steps=1, sampler="euler"))
    assert generator.pipeline.denoiser.dtype == generator.pipeline.vae.dtype == torch.float32
    assert caplog.records == []


def pixels(picture: Picture) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(picture.png)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (picture.width, picture.height))
        return np.asarray(image)


def test_the_same_seed_gives_the_same_picture_in_any_batch(generator: EmbeddedGenerator) -> None:
    prompts, layouts = [Prompt("a blue ball"), PROMPT, PROMPT], [None, LAYOUT, LAYOUT]
    batch = generator.draw(prompts, layouts, [7, 8, 9], QUICK)
    alone = generator.draw([PROMPT], [LAYOUT], [8], QUICK)[0]
    assert generator.draw([PROMPT], [LAYOUT], [8], QUICK)[0].png == alone.png
    assert np.abs(pixels(batch[1]).astype(int) - pixels(alone)).max() <= 1  # rounding to 8 bits
    assert np.abs(pixels(batch[2]).astype(int) - pixels(alone)).max() > 10


@pytest.mark.parametrize("size", [(128, 128), (96, 64), (200, 300)])
def test_the_size_is_as_asked(generator: EmbeddedGenerator, size: tuple[int, int]) -> None:
    picture = generator.draw([PROMPT], [LAYOUT], [1], DrawSettings(size=size, steps=1))[0]
    assert (picture.width, picture.height) == size
    assert pixels(picture).shape == (size[1], size[0], 3)


def test_provenance_is_what_is_needed_to_draw_it_again(generator: EmbeddedGenerator) -> None:
    plain, chosen = (
        generator.draw([PROMPT], [None], [5], settings)[0].provenance
        for settings in (DrawSettings(), DrawSettings(steps=2, scale=0.0, sampler="ddim"))
    )
    assert (plain["steps"], plain["scale"], plain["seed"]) == (STEPS, SCALE, 5)
    assert plain["sampler"] == "DPMSolverMultistepScheduler"
    assert (chosen["steps"], chosen["scale"], chosen["sampler"]) == (2, 0.0, "ddim")
    assert plain["generator"] == "embedded" and plain["native_size"] == [128, 128]


def test_words_that_are_not_read_are_told(generator: EmbeddedGenerator) -> None:
    layout = Layout((Thing("a red zebra", Box(0.1, 0.4, 0.5, 0.8)),), "moon")
    prompts = [Prompt("a red zebra left of mars"), PROMPT]
    pictures = generator.draw(prompts, [layout, LAYOUT], [1, 2], QUICK)
    assert [p.provenance["unread"] for p in pictures] == [["zebra", "mars", "moon"], []]


def test_too_many_things_are_refused_before_anything_is_drawn(generator: EmbeddedGenerator) -> None:
    crowd = Layout((Thing("a dog", Box(0.1, 0.1, 0.2, 0.2)),) * (MAX_THINGS + 1))
    with pytest.raises(SettingError, match=f"{MAX_THINGS + 1} things.*leave some out"):
        generator.draw([PROMPT], [crowd], [0], QUICK)
    fits = Layout(crowd.things[1:])
    assert len(generator.draw([PROMPT], [fits], [0], QUICK)) == 1


def test_nothing_asked_nothing_drawn(generator: EmbeddedGenerator) -> None:
    assert generator.draw([], [], [], QUICK) == []


def test_a_sampler_holds_for_one_call_only(generator: EmbeddedGenerator) -> None:
    before = generator.draw([PROMPT], [None], [3], DrawSettings(steps=2))[0]
    other = generator.draw([PROMPT], [None], [3], DrawSettings(steps=2, sampler="ddpm"))[0]
    after = generator.draw([PROMPT], [None], [3], DrawSettings(steps=2))[0]
    assert before.png == after.png != other.png


def test_wrong_names_and_folders_are_refused(
    generator: EmbeddedGenerator, saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match="ddim"):
        generator.draw([PROMPT], [None], [3], DrawSettings(sampler="dimm"))
    with pytest.raises(SettingError, match="abacus"):
        EmbeddedGenerator(str(saved), device="abacus")
    with pytest.raises(WeightsError, match="not a pipeline folder"):
        EmbeddedGenerator(str(tmp_path), device="cpu")


def test_a_sampler_that_is_no_scheduler_is_told(
    generator: EmbeddedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: object)
    with pytest.raises(PluginError, match=r"sampler 'mine' .* has no from_config"):
        generator.draw([PROMPT], [None], [3], DrawSettings(sampler="mine"))


class KnowsThePicture(LayoutTransformer):
    """Returns the true v for one x0."""

    def forward(self, latents: Tensor, timesteps: Tensor, *_: Tensor) -> Tensor:
        times = timesteps.double().clamp(0, 999)
        low = times.floor().long()
        kept = self.alphas[low].view(-1, 1, 1, 1)
        eps = (latents.double() - kept.sqrt() * self.x0) / (1 - kept).sqrt()
        return (kept.sqrt() * eps - (1 - kept).sqrt() * self.x0).to(latents.dtype)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_finds_a_latent_that_the_network_knows(saved: Path, name: str) -> None:
    """Beyond 1 too, where samplers made for pixels would clip."""
    generator = EmbeddedGenerator(str(saved), device="cpu")
    denoiser = KnowsThePicture(channels=4, width=64, depth=2, heads=1, text_width=64)
    denoiser.x0 = 2 * torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5)).double()
    denoiser.alphas = DDIMScheduler(**SCHEDULE).alphas_cumprod.double()
    pipeline = generator.pipeline
    pipeline.denoiser = denoiser
    pipeline.scheduler = scheduler_of(name, generator._scheduler)
    start = [torch.Generator().manual_seed(1)]
    settings = {"num_inference_steps": 12, "guidance_scale": 1.0, "output_type": "latent"}
    found = pipeline("", generator=start, **settings).images.double()
    error = (found - denoiser.x0).square().mean().sqrt() / denoiser.x0.square().mean().sqrt()
    assert error < 0.05
