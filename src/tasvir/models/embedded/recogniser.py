"""The recogniser: what is where in a picture of the world, in which attributes, in front of what.

An anchor-free detector (after Zhou, Wang & Krähenbühl 2019, "Objects as Points"): a heat map for each kind
on a 32 x 32 grid, and at every cell the thing's box, colour, surface, pose, facing and nearness. Heat peaks
where a thing is *visible*, so that a rider and the horse, or a cat and its box, do not share a cell; boxes
are amodal all the same. Convolutions at a quarter, an eighth and a sixteenth of the resolution; transformer
blocks at the coarsest give it the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded import weights
from tasvir.models.embedded.autoencoder import ResidualBlock
from tasvir.models.embedded.loading import require_whole
from tasvir.models.embedded.recogniser_labels import BACKGROUND_NAMES, CELL_WIDTH, FIELDS, KINDS
from tasvir.models.embedded.recogniser_peaks import Detection, find_things, to_placed
from tasvir.models.quiet import quiet
from tasvir.world.scene import Placed

SIDE = 128
"""Side in pixels at which pictures are read; others are resized to it."""

GRID = 32
"""Cells along a side."""

Pictures = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the network says of a batch, before peaks are picked.

    Args:
        heat: [N, kinds, GRID, GRID], logits.
        cells: [N, CELL_WIDTH, GRID, GRID]; the fields are named in `FIELDS`.
        shown: [N, kinds + 1, GRID, GRID], logits of the kind a cell shows, the last = none; used in training.
        background: [N, backgrounds], logits.
    """

    heat: Tensor
    cells: Tensor
    shown: Tensor
    background: Tensor


class TokenBlock(nn.Module):
    """A pre-norm transformer block over the cells of the coarsest grid."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.norm_mlp = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp_in = nn.Linear(width, 3 * width)
        self.mlp_out = nn.Linear(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        shape = (count, length, 3, self.heads, width // self.heads)
        query, key, value = self.qkv(self.norm_attention(x)).view(shape).permute(2, 0, 3, 1, 4)
        # plain matrix products: on a CPU the fused attention's backward is slower for 64 tokens
        shares = torch.softmax(query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5, -1)
        mixed = shares.to(value.dtype) @ value
        x = x + self.out(mixed.transpose(1, 2).reshape(count, length, width))
        changed: Tensor = self.mlp_out(F.silu(self.mlp_in(self.norm_mlp(x))))
        return x + changed


class Recogniser(ModelMixin, ConfigMixin):
    """Pictures in [-1, 1], shape [N, 3, 128, 128], to a `Reading`; `read` takes pixels and gives things.

    Args:
        fine: Features at a quarter of the resolution.
        middle: Features at an eighth.
        coarse: Features at a sixteenth.
        depth: Transformer blocks at the coarsest grid.
        kinds: Names of the heat maps' kinds; kept with the weights, so that a changed catalogue is noticed.
        threshold: Score from which a peak counts as a thing; tuned after training.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        fine: int = 64,
        middle: int = 112,
        coarse: int = 192,
        depth: int = 3,
        kinds: tuple[str, ...] = KINDS,
        threshold: float = 0.4,  # noqa: ARG002 (kept in the config)
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, fine, 4, stride=4)
        self.fine_block = ResidualBlock(fine)
        self.to_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle_blocks = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.to_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.place = nn.Parameter(0.02 * torch.randn(1, (GRID // 4) ** 2, coarse))
        self.blocks = nn.Sequential(*(TokenBlock(coarse, 3) for _ in range(depth)))
        self.from_coarse = nn.Conv2d(coarse, 4 * middle, 1)
        self.middle_again = ResidualBlock(middle)
        self.from_middle = nn.Conv2d(middle, 4 * fine, 1)
        self.fuse = nn.Conv2d(fine, 96, 3, padding=1)
        self.heads = nn.Conv2d(96, len(kinds) + CELL_WIDTH, 1)
        self.shown = nn.Conv2d(96, len(kinds) + 1, 1)
        self.background = nn.Linear(coarse, len(BACKGROUND_NAMES))
        with torch.no_grad():
            self.heads.bias[: len(kinds)] = -5.0  # type: ignore[index]
            self.heads.bias[len(kinds) :][FIELDS["box"]] = 0.15  # type: ignore[index]

    def forward(self, pictures: Tensor) -> Reading:
        """Read a batch of pictures in [-1, 1], shape [N, 3, 128, 128]."""
        fine = self.fine_block(self.stem(pictures))
        middle = self.middle_blocks(self.to_middle(F.silu(fine)))
        coarse = self.to_coarse(F.silu(middle))
        tokens = self.blocks(coarse.flatten(2).transpose(1, 2) + self.place)
        seen = tokens.transpose(1, 2).reshape(coarse.shape)
        middle = self.middle_again(middle + F.pixel_shuffle(self.from_coarse(F.silu(seen)), 2))
        fine = fine + F.pixel_shuffle(self.from_middle(F.silu(middle)), 2)
        features = F.silu(self.fuse(F.silu(fine)))
        said = self.heads(features)
        kinds = len(self.config.kinds)
        background = self.background(tokens.mean(1))
        return Reading(said[:, :kinds], said[:, kinds:], self.shown(features), background)

    def detections(self, pictures: Pictures, least: float = 0.05) -> list[tuple[Detection, ...]]:
        """All things with their scores, best first.

        Args:
            pictures: uint8 arrays [H, W, 3].
            least: Score (0 to 1) from which a peak is listed.
        """
        return self.look(pictures, least)[0]

    def read(self, pictures: Pictures) -> list[tuple[tuple[Placed, ...], str]]:
        """The things of each picture in depth order, farthest first, and the name of its background.

        Args:
            pictures: uint8 arrays [H, W, 3].
        """
        things, backgrounds = self.look(pictures, self.config.threshold)
        places = [BACKGROUND_NAMES[index] for index in backgrounds]
        return [(to_placed(found), place) for found, place in zip(things, places, strict=True)]

    @property
    def threshold(self) -> float:
        """Score from which a peak counts as a thing."""
        threshold: float = self.config.threshold
        return threshold

    @classmethod
    def shipped(cls) -> Self:
        """The recogniser that ships with tasvir.

        Raises:
            WeightsError: Its weights are missing or altered.
        """
        source = weights.folder("recogniser")
        with quiet():
            model: Self = cls.from_pretrained(source, local_files_only=True, use_safetensors=True)
        require_whole(model, source, spare=("shown",))
        model.float().eval()
        return model

    @torch.no_grad()
    def look(self, pictures: Pictures, least: float) -> tuple[list[tuple[Detection, ...]], list[int]]:
        """Things of each picture with a score of at least ``least``, best first; numbers of backgrounds."""
        things: list[tuple[Detection, ...]] = []
        places: list[int] = []
        for start in range(0, len(pictures), 32):
            reading = self(to_input(pictures[start : start + 32], self.device, self.dtype))
            heat = torch.sigmoid(reading.heat.float())
            things += find_things(heat.cpu().numpy(), reading.cells.float().cpu().numpy(), least)
            places += reading.background.argmax(1).tolist()
        return things, places


def to_input(pictures: Pictures, device: torch.device, dtype: torch.dtype) -> Tensor:
    """uint8 [H, W, 3] pictures as the network takes them: [N, 3, 128, 128] in [-1, 1]."""
    parts = []
    for picture in pictures:
        part = torch.from_numpy(np.array(picture[..., :3])).permute(2, 0, 1)[None].float()
        if part.shape[-2:] != (SIDE, SIDE):
            part = F.interpolate(part, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        parts.append(part)
    pixels = torch.cat(parts).to(device, dtype) / 127.5 - 1
    return pixels.contiguous(memory_format=torch.channels_last)
