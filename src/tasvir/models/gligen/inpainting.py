"""GLIGEN's inpainting: repaint boxes of a picture, each with its phrase.

The network reads nine channels: the noisy latents, the latents of what is kept, and a mask, 1 where it is
kept. Before each step what is kept is put back, noised as far as that step (Li et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.gligen.denoising import Course, Drawn, decode, denoise, start
from tasvir.models.gligen.grounding import ground
from tasvir.models.gligen.texts import encode_texts
from tasvir.models.hub.calling import check_size
from tasvir.models.hub.text_to_image import OnStep
from tasvir.records import Box, Layout


@torch.no_grad()
def inpaint(
    pipeline: Any,
    prompts: Sequence[str],
    layouts: Sequence[Layout],
    pictures: Sequence[Image.Image],
    generators: list[torch.Generator],
    course: Course,
    areas: Sequence[Sequence[Box]] | None = None,
    on_step: OnStep | None = None,
) -> Drawn:
    """Repaint n pictures.

    Args:
        pipeline: StableDiffusionPipeline with a gated U-Net of nine input channels.
        prompts: n texts, of the whole pictures.
        layouts: n; what is where.
        pictures: n, RGB, all of one size.
        generators: n, on the CPU; they alone give all noise.
        course: Steps, scale, beta and negative prompt.
        areas: For each picture what is repainted; None takes all boxes of its layout.
        on_step: As in `tasvir.models.gligen.denoising.draw`.

    Returns:
        n pictures of that size. What is kept is kept in latents: compare pixels only up to the autoencoder.

    Raises:
        SettingError: The U-Net is no inpainting one, or pictures, sizes or layouts do not fit.
    """
    channels = pipeline.vae.config.latent_channels
    if pipeline.unet.config.in_channels != 2 * channels + 1:
        raise SettingError(
            f"the U-Net reads {pipeline.unet.config.in_channels} channels, inpainting needs "
            f"{2 * channels + 1}: open an inpainting model"
        )
    size = _common_size(pictures)
    check_size(pipeline, size, size)
    texts = encode_texts(pipeline, prompts, course.negative, course.guided, size)
    grounding = ground(pipeline, layouts)
    clean = _encode(pipeline, pictures, generators)
    latents = start(pipeline, generators, size, course.steps)
    boxes = areas if areas is not None else [[thing.box for thing in layout.things] for layout in layouts]
    kept = torch.stack([kept_mask(some, clean.shape[-2:]) for some in boxes])[:, None].to(clean)
    more = torch.cat([clean * kept, kept], dim=1)

    def put_back(latents: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        noise = _noise(clean, generators)
        noised = pipeline.scheduler.add_noise(clean, noise, time.reshape(1).repeat(len(clean)))
        return noised * kept + latents * (1 - kept), more

    return decode(
        pipeline, denoise(pipeline, latents, texts, grounding, generators, course, put_back, on_step)
    )


def kept_mask(areas: Sequence[Box], shape: Sequence[int]) -> Tensor:
    """Mask (height, width): 0 in every cell that an area touches, 1 elsewhere."""
    height, width = shape
    mask = torch.ones(height, width)
    for box in areas:
        rows = slice(math.floor(box.y0 * height), math.ceil(box.y1 * height))
        columns = slice(math.floor(box.x0 * width), math.ceil(box.x1 * width))
        mask[rows, columns] = 0
    return mask


def _common_size(pictures: Sequence[Image.Image]) -> tuple[int, int]:
    sizes = {picture.size for picture in pictures}
    if len(sizes) != 1:
        shown = ", ".join(f"{width}x{height}" for width, height in sorted(sizes)) or "none"
        raise SettingError(f"the pictures' sizes are {shown}: repaint pictures of one size together")
    return sizes.pop()


def _encode(pipeline: Any, pictures: Sequence[Image.Image], generators: list[torch.Generator]) -> Tensor:
    pixels = pipeline.image_processor.preprocess(list(pictures))
    vae = pipeline.vae
    encoded = vae.encode(pixels.to(pipeline._execution_device, vae.dtype)).latent_dist
    latents: Tensor = encoded.sample(generators) * vae.config.scaling_factor
    return latents.to(pipeline.unet.dtype)


def _noise(like: Tensor, generators: list[torch.Generator]) -> Tensor:
    rows = [torch.randn(like.shape[1:], generator=generator) for generator in generators]
    return torch.stack(rows).to(like)
