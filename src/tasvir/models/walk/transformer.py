"""The seams of Stable Diffusion 3, whose denoiser is a transformer.

Patches and the text's tokens are rewritten together by a softmax over both (Esser et al. 2024, section 4).
What is summed up is what patches take from the text's tokens there. The tokens are those of the two CLIP
encoders, their vectors side by side, and then those of T5; the words on the page are CLIP's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.models.walk.family import TextPlaces
from tasvir.models.walk.record import AttentionKind, Encoder
from tasvir.models.walk.unet import UnetFamily

T5_TOKENS = 256
"""What diffusers' pipeline gives to T5 where nobody says otherwise."""


class TransformerFamily(UnetFamily):
    """StableDiffusion3Pipeline."""

    name: ClassVar[str] = "transformer"
    kind: ClassVar[AttentionKind] = "shared"
    arguments: ClassVar[tuple[str, str, str]] = ("hidden_states", "timestep", "encoder_hidden_states")

    @property
    def denoiser(self) -> nn.Module:
        transformer: nn.Module = self.pipeline.transformer
        return transformer

    def places(self, encoder: Encoder, shape: Sequence[int]) -> TextPlaces:
        keys, rows, columns = shape
        patches = rows * columns
        clip = super().places(encoder, (encoder.limit, rows, columns))
        others = {name: tuple(patches + place for place in found) for name, found in clip.others.items()}
        others["patches"] = tuple(range(patches))
        others["t5"] = tuple(range(patches + encoder.limit, keys))
        return replace(clip, others=others, offset=patches)

    def _softmax(self, layer: Any, places: Tensor, text: Tensor) -> Tensor:
        """What patches look at among patches and text: the mean over heads [1, P, P + L].

        One head after the other: all heads of a large picture at once would take gigabytes.
        """
        queries, keys, text_keys = (
            projection(part).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
            for projection, part in ((layer.to_q, places), (layer.to_k, places), (layer.add_k_proj, text))
        )
        if layer.norm_q is not None:
            queries, keys = layer.norm_q(queries), layer.norm_k(keys)
        if layer.norm_added_k is not None:
            text_keys = layer.norm_added_k(text_keys)
        keys = torch.cat([keys, text_keys], 2)
        total: Tensor = torch.zeros(1, queries.shape[2], keys.shape[2], device=keys.device)
        for head in range(layer.heads):
            scores = queries[:, head] @ keys[:, head].transpose(-1, -2) * queries.shape[-1] ** -0.5
            total += scores.float().softmax(-1)
        return total.div_(layer.heads)

    def _limit(self, tokenizer: Any) -> int:
        return T5_TOKENS if tokenizer is self.pipeline.tokenizer_3 else super()._limit(tokenizer)

    def _layers(self) -> list[Any]:
        return [block.attn for block in self.pipeline.transformer.transformer_blocks]
