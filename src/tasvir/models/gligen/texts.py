"""A batch's prompts as what the U-Net reads of them, for Stable Diffusion 1 and 2 and for XL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Texts:
    """Encoded prompts; with guidance the unconditional half stands in front.

    Args:
        embeddings: (n or 2n, tokens, width).
        added: What SDXL wants besides: pooled texts and sizes; None for the others.
    """

    embeddings: Tensor
    added: dict[str, Tensor] | None


@torch.no_grad()
def encode_texts(
    pipeline: Any, prompts: Sequence[str], negative: str | None, guided: bool, size: tuple[int, int]
) -> Texts:
    """Encode n prompts, and as often the negative prompt where there is guidance."""
    device = pipeline._execution_device
    negatives = None if negative is None else [negative] * len(prompts)
    encoded = pipeline.encode_prompt(
        prompt=list(prompts),
        device=device,
        num_images_per_prompt=1,
        do_classifier_free_guidance=guided,
        negative_prompt=negatives,
    )
    if not hasattr(pipeline, "text_encoder_2"):
        embeddings, plain = encoded
        return Texts(torch.cat([plain, embeddings]) if guided else embeddings, None)
    embeddings, plain, pooled, plain_pooled = encoded
    sizes = _sizes(pipeline, size, embeddings.dtype).to(device).repeat(len(prompts) * (2 if guided else 1), 1)
    if guided:
        embeddings, pooled = torch.cat([plain, embeddings]), torch.cat([plain_pooled, pooled])
    return Texts(embeddings, {"text_embeds": pooled, "time_ids": sizes})


def _sizes(pipeline: Any, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Original size, crop and target size as (1, 6): an uncropped picture of the size that is drawn."""
    side = (size[1], size[0])
    width = pipeline.text_encoder_2.config.projection_dim
    sizes: Tensor = pipeline._get_add_time_ids(
        side, (0, 0), side, dtype=dtype, text_encoder_projection_dim=width
    )
    return sizes
