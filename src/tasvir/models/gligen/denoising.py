"""The denoising loop over a gated U-Net, for Stable Diffusion 1, 2 and XL alike.

Scheduled sampling (Li et al. 2023): object tokens are shown for the first beta of the steps, then withheld,
so that the plain model finishes the picture. Withholding is an argument left out, no switch on the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention import GatedSelfAttentionDense
from PIL import Image
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.gligen.grounding import Grounding, ground
from tasvir.models.gligen.texts import Texts, encode_texts
from tasvir.models.hub.calling import check_size
from tasvir.models.hub.text_to_image import OnStep
from tasvir.records import Layout

Replace = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
"""Latents and time before a step to the latents to go on with, and further channels for the network."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pictures of a batch, and which of them a safety checker made black, named as diffusers names it."""

    images: list[Image.Image]
    nsfw_content_detected: list[bool]


@dataclass(frozen=True, slots=True)
class Course:
    """How to denoise.

    Args:
        steps: Denoising steps, at least 1.
        scale: Classifier-free guidance scale; 1 and less is none.
        beta: Share of the steps with object tokens, 0 to 1.
        negative: What to steer away from; None is the empty text.

    Raises:
        SettingError: Beta is out of its range.
    """

    steps: int
    scale: float
    beta: float = 0.3
    negative: str | None = None

    def __post_init__(self) -> None:
        require_beta(self.beta)

    @property
    def guided(self) -> bool:
        return self.scale > 1

    def grounded(self, steps: int) -> int:
        """How many of so many steps see object tokens; the tolerance keeps 0.29 of 100 at 29."""
        return int(self.beta * steps + 1e-9)


def require_beta(beta: float) -> None:
    """Check the share of steps with object tokens.

    Raises:
        SettingError: It is not within 0 to 1.
    """
    if not 0 <= beta <= 1:
        raise SettingError(f"beta is {beta}: give the share of steps that see the boxes, 0 to 1")


@torch.no_grad()
def draw(
    pipeline: Any,
    prompts: Sequence[str],
    layouts: Sequence[Layout | None],
    generators: list[torch.Generator],
    size: tuple[int, int],
    course: Course,
    on_step: OnStep | None = None,
) -> Drawn:
    """Draw n pictures, each from its own prompt, layout and noise.

    Args:
        pipeline: StableDiffusionPipeline or StableDiffusionXLPipeline with a gated U-Net.
        prompts: n texts.
        layouts: n; None draws without boxes.
        generators: n, on the CPU.
        size: Width and height in pixels.
        course: Steps, scale, beta and negative prompt.
        on_step: Told of every step; what it raises ends the drawing and leaves the pipeline as it was.

    Raises:
        SettingError: A layout or size that the model cannot draw.
    """
    check_size(pipeline, size, size)
    texts = encode_texts(pipeline, prompts, course.negative, course.guided, size)
    grounding = ground(pipeline, layouts)
    latents = start(pipeline, generators, size, course.steps)
    return decode(pipeline, denoise(pipeline, latents, texts, grounding, generators, course, on_step=on_step))


def start(pipeline: Any, generators: list[torch.Generator], size: tuple[int, int], steps: int) -> Tensor:
    """Set the scheduler's times and draw the initial noise, (n, channels, height, width) of the latents."""
    device = pipeline._execution_device
    pipeline.scheduler.set_timesteps(steps, device=device)
    width, height = size
    channels = pipeline.vae.config.latent_channels
    latents: Tensor = pipeline.prepare_latents(
        len(generators), channels, height, width, pipeline.unet.dtype, device, generators
    )
    return latents


@torch.no_grad()
def denoise(
    pipeline: Any,
    latents: Tensor,
    texts: Texts,
    grounding: Grounding,
    generators: list[torch.Generator],
    course: Course,
    replace: Replace | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """From noise to latents of pictures, (n, channels, height, width)."""
    scheduler, times = pipeline.scheduler, pipeline.scheduler.timesteps
    extra = pipeline.prepare_extra_step_kwargs(generators, 0.0)
    for module in pipeline.unet.modules():
        if isinstance(module, GatedSelfAttentionDense):
            module.enabled = True  # diffusers' pipeline leaves a network that it shares switched off
    shown = {"gligen": grounding.arguments(course.guided)}
    grounded = course.grounded(len(times))
    for step, time in enumerate(times):
        more = None
        if replace is not None:
            latents, more = replace(latents, time)
        noise = _predict(pipeline, latents, time, texts, more, shown if step < grounded else None, course)
        latents = scheduler.step(noise, time, latents, **extra).prev_sample
        if on_step is not None:
            on_step(step + 1, len(times), latents)
    return latents


def _predict(
    pipeline: Any,
    latents: Tensor,
    time: Tensor,
    texts: Texts,
    more: Tensor | None,
    shown: dict[str, Any] | None,
    course: Course,
) -> Tensor:
    """The network's answer, guided: u + scale (c - u) (Ho & Salimans 2022)."""
    doubled = torch.cat([latents] * 2) if course.guided else latents
    entered = pipeline.scheduler.scale_model_input(doubled, time)
    if more is not None:
        entered = torch.cat([entered, torch.cat([more] * 2) if course.guided else more], dim=1)
    noise: Tensor = pipeline.unet(
        entered,
        time,
        encoder_hidden_states=texts.embeddings,
        cross_attention_kwargs=shown,
        added_cond_kwargs=texts.added,
        return_dict=False,
    )[0]
    if not course.guided:
        return noise
    plain, conditioned = noise.chunk(2)
    return plain + course.scale * (conditioned - plain)


@torch.no_grad()
def decode(pipeline: Any, latents: Tensor) -> Drawn:
    """Latents to pictures, looked through by the safety checker where the pipeline has one."""
    vae = pipeline.vae
    dtype = vae.dtype
    overflows = dtype == torch.float16 and vae.config.force_upcast
    if overflows:
        vae.to(dtype=torch.float32)
    try:
        pixels = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0]
    finally:
        if overflows:
            vae.to(dtype=dtype)
    blocked = [False] * len(pixels)
    if getattr(pipeline, "safety_checker", None) is not None:
        pixels, found = pipeline.run_safety_checker(pixels, pipeline._execution_device, pipeline.unet.dtype)
        blocked = [bool(one) for one in found]
    images = pipeline.image_processor.postprocess(pixels, do_denormalize=[not one for one in blocked])
    pipeline.maybe_free_model_hooks()
    return Drawn(images, blocked)
