"""Layouts as tensors: what the text encoder and the denoiser are given for a batch of prompts and layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.models.embedded.clip_text import ClipTextEncoder
from tasvir.models.embedded.text import EmbeddedTextEncoder

MAX_THINGS = 10
"""Things a layout may hold; training shows up to five."""

PHRASE_WORDS = 14
"""Words of a phrase that are read."""

WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Grounding:
    """One picture's layout in words and fractions.

    Args:
        phrases: One a thing, farthest first.
        boxes: (x0, y0, x1, y1) in fractions, one a phrase.
        background: The backdrop in words, or None.
    """

    phrases: tuple[str, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    background: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Tokens of a batch, before encoding; see `LayoutTransformer.forward` for the meaning of the masks."""

    prompts: Tensor
    phrases: Tensor
    boxes: Tensor
    box_mask: Tensor


def tokenize(
    encoder: EmbeddedTextEncoder | ClipTextEncoder, prompts: Sequence[str], groundings: Sequence[Grounding]
) -> Condition:
    """Number the words of prompts and layouts.

    Returns:
        prompts [N, L], phrases [N, B, PHRASE_WORDS], boxes [N, B, 4], box_mask [N, B]; entry 0 of B is the
        background.
    """
    slots = 1 + max((len(grounding.phrases) for grounding in groundings), default=0)
    phrases = torch.zeros(len(prompts), slots, PHRASE_WORDS, dtype=torch.long)
    boxes = torch.zeros(len(prompts), slots, 4)
    box_mask = torch.zeros(len(prompts), slots, dtype=torch.bool)
    for row, grounding in enumerate(groundings):
        texts = (grounding.background or "", *grounding.phrases)
        tokens = encoder.tokenize(texts, PHRASE_WORDS)
        phrases[row, : len(texts), : tokens.shape[1]] = tokens
        boxes[row, : len(texts)] = torch.tensor((WHOLE, *grounding.boxes))
        box_mask[row, : len(texts)] = True
        box_mask[row, 0] = grounding.background is not None
    return Condition(encoder.tokenize(prompts), phrases, boxes, box_mask)
