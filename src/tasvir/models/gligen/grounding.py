"""Object tokens' inputs: a batch of layouts as boxes, phrase embeddings and a mask.

A token is made of a phrase's pooled text embedding and the Fourier features of its box; where the mask is 0
the network puts its learned null token instead (Li et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tasvir.models.drawable import require_drawable
from tasvir.records import Layout

MAX_OBJECTS = 30
"""Tokens that a GLIGEN was trained with."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What the network's position net reads.

    Args:
        boxes: (n, 30, 4), x0, y0, x1, y1 in fractions.
        embeddings: (n, 30, width of a phrase).
        masks: (n, 30), 1 for an object, 0 for a null token.
    """

    boxes: Tensor
    embeddings: Tensor
    masks: Tensor

    def arguments(self, guided: bool) -> dict[str, Tensor]:
        """As keyword arguments; with guidance the unconditional half in front sees null tokens alone."""
        masks = torch.cat([torch.zeros_like(self.masks), self.masks]) if guided else self.masks
        repeats = (2 if guided else 1, 1, 1)
        return {
            "boxes": self.boxes.repeat(repeats),
            "positive_embeddings": self.embeddings.repeat(repeats),
            "masks": masks,
        }


def ground(pipeline: Any, layouts: Sequence[Layout | None]) -> Grounding:
    """The tokens' inputs of n layouts; None and a layout without things give null tokens alone.

    Raises:
        SettingError: More than 30 things, or one that cannot be drawn.
    """
    require_drawable(layouts, MAX_OBJECTS)
    net = pipeline.unet
    device, dtype = pipeline._execution_device, net.dtype
    shape = (len(layouts), MAX_OBJECTS)
    boxes = torch.zeros(*shape, 4, device=device, dtype=dtype)
    embeddings = torch.zeros(*shape, net.position_net.positive_len, device=device, dtype=dtype)
    masks = torch.zeros(shape, device=device, dtype=dtype)
    for row, layout in enumerate(layouts):
        if layout is None or not layout.things:
            continue
        count = len(layout.things)
        boxes[row, :count] = torch.tensor([thing.box.as_tuple() for thing in layout.things])
        embeddings[row, :count] = embed_phrases(pipeline, [thing.phrase for thing in layout.things]).to(dtype)
        masks[row, :count] = 1
    return Grounding(boxes, embeddings, masks)


@torch.no_grad()
def embed_phrases(pipeline: Any, phrases: Sequence[str]) -> Tensor:
    """Pooled text embeddings, (k, width); for SDXL those of both encoders side by side.

    Phrases are cut at what the encoder reads (77 tokens for CLIP).
    """
    pooled = [_pooled(pipeline, pipeline.tokenizer, pipeline.text_encoder, phrases)]
    if hasattr(pipeline, "text_encoder_2"):
        pooled.append(_pooled(pipeline, pipeline.tokenizer_2, pipeline.text_encoder_2, phrases))
    return torch.cat(pooled, dim=-1)


def _pooled(pipeline: Any, tokenizer: Any, encoder: Any, phrases: Sequence[str]) -> Tensor:
    tokens = tokenizer(list(phrases), padding=True, truncation=True, return_tensors="pt")
    output = encoder(**tokens.to(pipeline._execution_device))
    pooled: Tensor = output.text_embeds if hasattr(output, "text_embeds") else output.pooler_output
    return pooled
