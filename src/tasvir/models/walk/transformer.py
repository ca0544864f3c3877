"""The seams of Stable Diffusion 3, whose denoiser is a transformer.

Patches and the text's tokens are rewritten together by a softmax over both (Esser et al. 2024, section 4).
What is summed up is what patches take from the text's tokens there. The tokens are those of the two CLIP
encoders, their vectors side by side, and then those of T5; the words on the page are CLIP's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.models.walk.attention import AttentionSum
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

    @contextmanager
    def watch(
        self,
        sums: AttentionSum,
        cells: Callable[[], tuple[int, int]],
        aside: Callable[[], AbstractContextManager[None]],
    ) -> Iterator[int]:
        patch = self.pipeline.transformer.config.patch_size

        def look(layer: Any, _: tuple[Any, ...], named: dict[str, Any]) -> None:
            rows, columns = cells()
            with aside():
                softmax = _softmax(layer, named["hidden_states"][-1:], named["encoder_hidden_states"][-1:])
                sums.add(softmax, (rows // patch, columns // patch))

        layers = self._layers()
        with ExitStack() as stack:
            for layer in layers:
                stack.callback(layer.register_forward_pre_hook(look, with_kwargs=True).remove)
            yield len(layers)

    def _limit(self, tokenizer: Any) -> int:
        return T5_TOKENS if tokenizer is self.pipeline.tokenizer_3 else super()._limit(tokenizer)

    def _layers(self) -> list[Any]:
        return [block.attn for block in self.pipeline.transformer.transformer_blocks]


def _softmax(layer: Any, patches: Tensor, text: Tensor) -> Tensor:
    """What patches [1, P, width] look at among patches and text [1, L, width]: mean over heads [1, P, P + L].

    One head after the other: all heads of a large picture at once would take gigabytes.
    """
    queries, keys = (
        projection(patches).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        for projection in (layer.to_q, layer.to_k)
    )
    text_keys = layer.add_k_proj(text).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
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
