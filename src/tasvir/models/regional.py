"""Regional prompting for any U-Net with cross-attention: each box listens to its own phrase.

In every cross-attention layer a latent cell attends to the phrase of the nearest box over it, and to the
prompt where there is no box; mixed with plain attention to the prompt, out = (1 - b) regional + b base
(Yang et al. 2024, RPG). Boxes need not be a grid, and may overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.records import Layout


@dataclass(slots=True)
class Regions:
    """The phrases of a batch and where they hold.

    Args:
        layouts: n.
        embeddings: (n, most things x tokens, width), thing after thing; the empty text where one is missing.
        tokens: Tokens of one phrase.
        shape: Height and width of the latents.
        base: Share of plain attention to the prompt, 0 to 1.
    """

    layouts: Sequence[Layout | None]
    embeddings: Tensor
    tokens: int
    shape: tuple[int, int]
    base: float
    _masks: dict[int, Tensor] = field(default_factory=dict)

    def mask(self, cells: int, prompt_tokens: int) -> Tensor:
        """(n, cells, prompt tokens + all phrases' tokens): 0 where a cell listens, -inf elsewhere."""
        if cells not in self._masks:
            height, width = _shape_of(cells, self.shape)
            owners = torch.stack([owner_map(layout, height, width).flatten() for layout in self.layouts])
            things = self.embeddings.shape[1] // self.tokens
            speaker = torch.cat(
                [torch.full((prompt_tokens,), -1), torch.arange(things).repeat_interleave(self.tokens)]
            )
            silent = torch.tensor(-math.inf)
            mask = torch.where(owners[:, :, None] == speaker, torch.zeros(()), silent)
            self._masks[cells] = mask.to(self.embeddings)
        return self._masks[cells]


def owner_map(layout: Layout | None, height: int, width: int) -> Tensor:
    """(height, width): the index of the nearest thing whose box holds the cell's centre, -1 where none is.

    A box that holds no centre gets the cell that its own centre lies in.
    """
    owners = torch.full((height, width), -1)
    rows, columns = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    for index, thing in enumerate(layout.things if layout else ()):
        box = thing.box
        inside = ((rows >= box.y0) & (rows < box.y1))[:, None] & ((columns >= box.x0) & (columns < box.x1))
        if not inside.any():
            x, y = box.center
            inside[min(int(y * height), height - 1), min(int(x * width), width - 1)] = True
        owners[inside] = index
    return owners


def _shape_of(cells: int, shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a layer with so many cells: the latents', halved and rounded up some times."""
    height, width = shape
    while height * width > cells:
        height, width = math.ceil(height / 2), math.ceil(width / 2)
    if height * width != cells:
        raise SettingError(
            f"a layer of {cells} cells does not come from latents of {shape[1]} x {shape[0]}: "
            "this network cannot be prompted by regions"
        )
    return height, width


class RegionalAttention:
    """A cross-attention processor around another: phrases in their regions, mixed with the prompt."""

    def __init__(self, plain: Any, regions: Regions) -> None:
        self.plain, self.regions = plain, regions

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """As of diffusers; with guidance the first half of the batch is unconditional and stays as it is."""
        base: Tensor = self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        assert encoder_hidden_states is not None, "a cross-attention layer reads a text"
        regions, count = self.regions, len(self.regions.layouts)
        prompt = encoder_hidden_states[-count:]
        heard = torch.cat([prompt, regions.embeddings.to(prompt)], dim=1)
        mask = regions.mask(hidden_states.shape[1], prompt.shape[1]).to(prompt)
        regional = self.plain(attn, hidden_states[-count:], heard, mask, temb)
        mixed = (1 - regions.base) * regional + regions.base * base[-count:]
        return torch.cat([base[:-count], mixed])


@contextmanager
def listening(unet: Any, regions: Regions) -> Iterator[None]:
    """The U-Net's cross-attention goes by regions inside; afterwards its processors are the ones before."""
    before = dict(unet.attn_processors)
    regional = {
        name: RegionalAttention(processor, regions) if name.endswith("attn2.processor") else processor
        for name, processor in before.items()
    }
    try:
        unet.set_attn_processor(regional)
        yield
    finally:
        unet.set_attn_processor(dict(before))


@torch.no_grad()
def regions_of(
    pipeline: Any, layouts: Sequence[Layout | None], size: tuple[int, int], base: float
) -> Regions | None:
    """Encode the phrases of a batch; None where no layout has any.

    Args:
        pipeline: StableDiffusionPipeline or StableDiffusionXLPipeline.
        layouts: n.
        size: Width and height in pixels.
        base: Share of plain attention to the prompt.
    """
    most = max((len(layout.things) for layout in layouts if layout), default=0)
    if not most:
        return None
    rows, tokens = [], 0
    for layout in layouts:
        phrases = [thing.phrase for thing in layout.things] if layout else []
        texts = phrases + [""] * (most - len(phrases))
        encoded = pipeline.encode_prompt(
            prompt=texts,
            device=pipeline._execution_device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )[0]
        tokens = encoded.shape[1]
        rows.append(encoded.flatten(0, 1))
    factor = pipeline.vae_scale_factor
    return Regions(layouts, torch.stack(rows), tokens, (size[1] // factor, size[0] // factor), base)
