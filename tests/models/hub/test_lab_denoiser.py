"""Networks of diffusers as denoisers: what their pipelines come to, the laboratory comes to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.guidance.classifier_free import ClassifierFree
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.models.embedded.conditioning import Grounding
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.hub.drawing import scheduler_of
from tasvir.models.hub.lab_denoiser import HubDenoiser, of_embedded, of_network
from tasvir.models.hub.lab_process import process_of
from tasvir.models.tiny.families import build


def walked(denoiser: Any, path: Any, x: Tensor) -> Tensor:
    return sample(denoiser, DdimSampler(), path, x, gaussian_noise(0)).x


@torch.no_grad()
def test_a_u_net_with_text(tiny_v2: Any) -> None:
    scheduler = DDIMScheduler.from_config(
        tiny_v2.scheduler.config, set_alpha_to_one=True, timestep_spacing="leading"
    )
    words = torch.randn(2, 7, 48, generator=torch.Generator().manual_seed(1))
    start = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    scheduler.set_timesteps(10)
    x = start
    for timestep in scheduler.timesteps:
        told = tiny_v2.unet(x, timestep, encoder_hidden_states=words).sample
        x = scheduler.step(told, timestep, x).prev_sample
    denoiser = of_network(tiny_v2.unet, process_of(scheduler.config), encoder_hidden_states=words)
    assert denoiser.prediction == "v"
    assert torch.allclose(walked(denoiser, denoiser.path(10), start), x, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_flow_transformer_with_texts() -> None:
    pipeline = build("sd3")
    made = torch.Generator().manual_seed(0)
    words, pooled, start = (
        torch.randn(*shape, generator=made) for shape in ((2, 5, 64), (2, 64), (2, 16, 8, 8))
    )
    conditions = {"encoder_hidden_states": words, "pooled_projections": pooled}
    scheduler = pipeline.scheduler
    scheduler.set_timesteps(6)
    x = start
    for timestep in scheduler.timesteps:
        told = pipeline.transformer(x, timestep=timestep.expand(2), **conditions, return_dict=False)[0]
        x = scheduler.step(told, timestep, x, return_dict=False)[0]
    process = process_of({**scheduler.config, "_class_name": type(scheduler).__name__})
    denoiser = of_network(pipeline.transformer, process, **conditions)
    assert torch.allclose(walked(denoiser, denoiser.path(6), start), x, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_embedded_model_with_guidance(tiny_pipeline: EmbeddedLayoutPipeline, scale: float) -> None:
    layout = Grounding(("a red ball",), ((0.1, 0.2, 0.6, 0.8),), "park")
    x = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    own = tiny_pipeline.scheduler
    tiny_pipeline.scheduler = scheduler_of("ddim", own)
    try:
        truth = tiny_pipeline(
            ["a red ball", "a blue car"],
            [layout, None],
            num_inference_steps=10,
            guidance_scale=scale,
            latents=x,
            output_type="latent",
        ).images
    finally:
        tiny_pipeline.scheduler = own
    conditional, other = of_embedded(tiny_pipeline, ["a red ball", "a blue car"], [layout, None])
    found = walked(ClassifierFree(conditional, other, scale), conditional.path(10), x)
    assert torch.allclose(found, torch.as_tensor(truth), rtol=1e-4, atol=1e-4)


def test_it_is_told_fractions_of_timesteps_and_never_less_than_the_first() -> None:
    told: list[Tensor] = []

    def call(x: Tensor, times: Tensor) -> Tensor:
        told.append(times)
        return x

    denoiser = HubDenoiser(call, process_of(DDIMScheduler().config))
    for time, timestep in ((1000.0, 999.0), (12.5, 11.5), (1.0, 0.0), (0.3, 0.0)):
        denoiser.tell(torch.zeros(3, 1), denoiser.schedule.level(time))
        assert told[-1].tolist() == [timestep] * 3


def test_what_is_no_network_of_diffusers() -> None:
    with pytest.raises(SettingError, match="Linear takes no sample and timestep"):
        of_network(nn.Linear(2, 2), process_of(DDIMScheduler().config))
