"""The pipeline: same seed same picture, any scheduler, and a denoiser that knows the answer gets it back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler
from sampler_names import SAMPLERS
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.embedded.conditioning import Grounding, tokenize
from tasvir.models.embedded.denoiser import LayoutTransformer
from tasvir.models.embedded.layout_pipeline import SCHEDULE, EmbeddedLayoutPipeline
from tasvir.models.hub.drawing import scheduler_of

PROMPT = "a red car left of a dog"
LAYOUT = Grounding(("a red car", "a dog"), ((0.05, 0.4, 0.45, 0.8), (0.5, 0.3, 0.9, 0.9)), "park")


@pytest.fixture
def pipeline(tiny_pipeline: EmbeddedLayoutPipeline) -> Iterator[EmbeddedLayoutPipeline]:
    scheduler, denoiser = tiny_pipeline.scheduler, tiny_pipeline.denoiser
    yield tiny_pipeline
    tiny_pipeline.scheduler, tiny_pipeline.denoiser = scheduler, denoiser


def seeds(*numbers: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(number) for number in numbers]


def drawn(pipeline: EmbeddedLayoutPipeline, *args: Any, **settings: Any) -> Any:
    return pipeline(*args, **{"num_inference_steps": 2, "output_type": "np", **settings}).images


def test_a_saved_pipeline_draws_the_same_picture(pipeline: EmbeddedLayoutPipeline, tmp_path: Path) -> None:
    before = drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(3))
    pipeline.save_pretrained(tmp_path)
    again = EmbeddedLayoutPipeline.from_pretrained(str(tmp_path), local_files_only=True)
    again.set_progress_bar_config(disable=True)
    assert np.array_equal(drawn(again, PROMPT, [LAYOUT], generator=seeds(3)), before)
    assert again.text_encoder.index == pipeline.text_encoder.index
    assert not list(tmp_path.rglob("*.bin"))


def test_a_seed_gives_the_same_picture_alone_and_in_a_batch(pipeline: EmbeddedLayoutPipeline) -> None:
    longer = "a blue ball, a red car left of a blue dog left of a park"
    batch = drawn(pipeline, [longer, PROMPT, ""], [None, LAYOUT, None], generator=seeds(1, 2, 3))
    alone = drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(2))
    np.testing.assert_allclose(batch[1], alone[0], atol=1e-4)
    other = drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(4))
    assert np.abs(other - alone).max() > 0.01


def test_text_and_layout_and_background_reach_the_picture(pipeline: EmbeddedLayoutPipeline) -> None:
    plain = drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(2))
    for changed in (
        Grounding(LAYOUT.phrases, LAYOUT.boxes[::-1], "park"),
        Grounding(("a blue ball", "a dog"), LAYOUT.boxes, "park"),
        Grounding(LAYOUT.phrases, LAYOUT.boxes),
        None,
    ):
        assert np.abs(drawn(pipeline, PROMPT, [changed], generator=seeds(2)) - plain).max() > 1e-4
    assert np.abs(drawn(pipeline, "a dog", [LAYOUT], generator=seeds(2)) - plain).max() > 1e-4


def test_guidance_is_the_line_through_both_predictions(pipeline: EmbeddedLayoutPipeline) -> None:
    """without + scale * (with - without), which at 1 is the plain prediction."""
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    timestep = torch.tensor(400)
    condition = tokenize(pipeline.text_encoder, [PROMPT], [LAYOUT])
    nothing = tokenize(pipeline.text_encoder, [""], [Grounding()])
    with torch.no_grad():
        both = pipeline.encode(condition, True, torch.device("cpu"))
        one = pipeline.encode(condition, False, torch.device("cpu"))
        none = pipeline.encode(nothing, False, torch.device("cpu"))
        bare = pipeline._predict(latents, timestep, none, 1.0)
        plain = pipeline._predict(latents, timestep, one, 1.0)
        guided = pipeline._predict(latents, timestep, both, 3.0)
        nearly = pipeline._predict(latents, timestep, both, 1.0 + 1e-6)
    assert (plain - bare).abs().max() > 1e-3
    torch.testing.assert_close(guided, bare + 3.0 * (plain - bare), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(nearly, plain, atol=1e-5, rtol=1e-4)


def test_scales_up_to_one_are_unguided(pipeline: EmbeddedLayoutPipeline) -> None:
    unguided = drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(2), guidance_scale=1.0)
    assert np.array_equal(drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(2), guidance_scale=0.0), unguided)
    assert np.abs(drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(2)) - unguided).max() > 1e-4


@pytest.mark.parametrize("name", SAMPLERS)
def test_any_scheduler_draws(pipeline: EmbeddedLayoutPipeline, name: str) -> None:
    pipeline.scheduler = scheduler_of(name, pipeline.scheduler)
    pixels = drawn(pipeline, PROMPT, [LAYOUT], generator=seeds(2), num_inference_steps=4)
    assert pixels.shape == (1, 128, 128, 3)
    assert np.isfinite(pixels).all() and 0 <= pixels.min() < pixels.max() <= 1


@pytest.mark.parametrize("name", SAMPLERS)
def test_half_precision_holds_every_sampler(pipeline: EmbeddedLayoutPipeline, name: str) -> None:
    """Some start at noise of 20 000, beyond what half precision holds at four standard deviations."""
    scheduler = scheduler_of(name, pipeline.scheduler)
    networks = [
        copy.deepcopy(part).half() for part in (pipeline.vae, pipeline.text_encoder, pipeline.denoiser)
    ]
    halved = EmbeddedLayoutPipeline(*networks, scheduler)
    halved.set_progress_bar_config(disable=True)
    start = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    start[0, 0, 0, 0] = 4.5
    latents = drawn(halved, PROMPT, [LAYOUT], latents=start, num_inference_steps=4, output_type="latent")
    assert latents.dtype == torch.float16
    assert torch.isfinite(latents).all()


def test_steps_that_a_scheduler_cannot_do_are_refused(pipeline: EmbeddedLayoutPipeline) -> None:
    pipeline.scheduler = PNDMScheduler(**SCHEDULE)
    with pytest.raises(SettingError, match="PNDMScheduler cannot do 1 steps"):
        drawn(pipeline, PROMPT, num_inference_steps=1)


class KnowsThePicture(LayoutTransformer):
    """Returns the true v for one x0, whatever it is asked: v = alpha eps - sigma x0."""

    def forward(self, latents: Tensor, timesteps: Tensor, *_: Tensor) -> Tensor:
        kept = self.alphas[timesteps.long()].view(-1, 1, 1, 1)
        eps = (latents.double() - kept.sqrt() * self.x0) / (1 - kept).sqrt()
        return (kept.sqrt() * eps - (1 - kept).sqrt() * self.x0).to(latents.dtype)


@pytest.fixture
def knowing(pipeline: EmbeddedLayoutPipeline) -> EmbeddedLayoutPipeline:
    denoiser = KnowsThePicture(channels=4, width=64, depth=2, heads=1, text_width=64)
    denoiser.x0 = 2 * torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5)).double()
    denoiser.alphas = DDIMScheduler(**SCHEDULE).alphas_cumprod.double()
    pipeline.denoiser = denoiser
    return pipeline


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_ddim_recovers_a_known_latent_exactly(knowing: EmbeddedLayoutPipeline, steps: int) -> None:
    knowing.scheduler = DDIMScheduler(**SCHEDULE, clip_sample=False)
    found = drawn(
        knowing, "", generator=seeds(0), num_inference_steps=steps, guidance_scale=1.0, output_type="latent"
    )
    torch.testing.assert_close(found.double(), knowing.denoiser.x0, atol=1e-4, rtol=1e-4)


def test_the_callback_sees_each_step_and_may_replace_the_latents(pipeline: EmbeddedLayoutPipeline) -> None:
    seen: list[tuple[int, float]] = []

    def flatten(owner: Any, step: int, timestep: Tensor, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert owner is pipeline
        seen.append((step, float(timestep)))
        return {"latents": torch.zeros_like(values["latents"])} if step == 2 else {}

    latents = drawn(
        pipeline,
        PROMPT,
        generator=seeds(1),
        num_inference_steps=3,
        callback_on_step_end=flatten,
        output_type="latent",
    )
    assert [step for step, _ in seen] == [0, 1, 2]
    assert [timestep for _, timestep in seen] == sorted((t for _, t in seen), reverse=True)
    assert not latents.any()


def test_given_latents_take_the_seeds_place(pipeline: EmbeddedLayoutPipeline) -> None:
    start = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(8))
    assert np.array_equal(drawn(pipeline, PROMPT, latents=start), drawn(pipeline, PROMPT, generator=seeds(8)))


def test_forms_of_the_result_agree(pipeline: EmbeddedLayoutPipeline) -> None:
    array = drawn(pipeline, PROMPT, generator=seeds(1))
    tensor = drawn(pipeline, PROMPT, generator=seeds(1), output_type="pt")
    (image,) = pipeline(PROMPT, num_inference_steps=2, generator=seeds(1), return_dict=False)[0]
    latents = drawn(pipeline, PROMPT, generator=seeds(1), output_type="latent")
    assert np.array_equal(tensor.permute(0, 2, 3, 1).numpy(), array)
    assert image.size == (128, 128)
    assert np.abs(np.asarray(image) / 255 - array[0]).max() <= 0.5 / 255 + 1e-6
    with torch.no_grad():
        torch.testing.assert_close(pipeline.vae.decode(latents) / 2 + 0.5, tensor, atol=1e-6, rtol=1e-6)


def test_counts_that_do_not_match_are_refused(pipeline: EmbeddedLayoutPipeline) -> None:
    with pytest.raises(SettingError, match="2 prompts but 1 layouts"):
        pipeline([PROMPT, PROMPT], [LAYOUT])
    with pytest.raises(SettingError, match="1 prompts but 2 generators"):
        pipeline(PROMPT, generator=seeds(1, 2))
