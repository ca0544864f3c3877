"""The oracle: reads pictures of the world to measure results; no guide may use it.

It looks twice. First a dense reader in the manner of panoptic segmentation: a small U-Net says for every cell
of a 32 x 32 grid what is visible there (kind, colour, surface, pose, facing) and votes for the amodal box of
the thing that the cell belongs to; `oracle_votes` turns the votes into things. From there `oracle_fit` looks
for the scene whose drawing with the world's own sprites comes closest to the pixels. It shares no weights, no
pictures of its training (other seeds; half of its scenes are of another sort) and no code with the
recogniser, which is another kind of detector, so that a guide that pleases the recogniser gains nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded import weights
from tasvir.models.embedded.loading import require_whole
from tasvir.models.embedded.oracle_fit import fit_scene
from tasvir.models.embedded.oracle_votes import Votes, candidates_from_votes
from tasvir.models.quiet import quiet
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.scene import BACKGROUNDS, FACINGS, POSES, SURFACES, Placed

SIDE = 128
"""Pictures are read at this size in pixels."""
GRID = 32
"""Cells along a side of the network's output."""
READ_AT_ONCE = 32
TYPICAL_EDGE = 0.12
"""Mean distance of a cell from the edges of its thing's box in fractions: where training starts from."""


class Residual(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))) with batch normalisation; the identity at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first_norm = nn.BatchNorm2d(width)
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(F.relu(self.first_norm(x)))
        change: Tensor = self.second(F.relu(self.second_norm(inner)))
        return x + change


class Oracle(ModelMixin, ConfigMixin):
    """Pictures in [-1, 1], shape [N, 3, 128, 128], to what every cell of a 32 x 32 grid shows.

    Args:
        kinds: Names of kinds in the order of the output; class 0 is "nothing".
        colors: Names of colours in the order of the output.
        widths: Features at a quarter, an eighth and a sixteenth of the resolution.
    """

    @register_to_config
    def __init__(
        self,
        kinds: Sequence[str] = (),
        colors: Sequence[str] = (),
        widths: tuple[int, int, int] = (64, 96, 160),
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.sizes = {
            "kind": len(kinds) + 1,
            "color": len(colors),
            "surface": len(SURFACES),
            "pose": len(POSES),
            "facing": len(FACINGS),
            "edges": 4,
        }
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, fine, 3, stride=2, padding=1)
        )
        self.down = nn.ModuleList(
            [
                Residual(fine),
                nn.Sequential(nn.Conv2d(fine, middle, 2, stride=2), Residual(middle), Residual(middle)),
                nn.Sequential(nn.Conv2d(middle, coarse, 2, stride=2), Residual(coarse), Residual(coarse)),
            ]
        )
        self.lift = nn.ModuleList([nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, fine, 1)])
        self.up = nn.ModuleList([Residual(middle), Residual(fine)])
        self.last_norm = nn.BatchNorm2d(fine)
        self.head = nn.Conv2d(fine, sum(self.sizes.values()), 1)
        with torch.no_grad():
            self.head.weight[-4:].zero_()
            self.head.bias[-4:].fill_(TYPICAL_EDGE)  # type: ignore[index]
        self.backdrop = nn.Linear(coarse, len(BACKGROUNDS))

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits by name.

        Returns:
            "kind" [N, 1 + kinds, 32, 32] (0 = nothing), "color", "surface", "pose", "facing" likewise,
            "edges" [N, 4, 32, 32] = distances from the cell's centre to the left, top, right and bottom edge
            of its thing's amodal box in fractions of the picture, and "background" [N, 5].
        """
        fine = self.down[0](self.stem(pictures))
        middle = self.down[1](fine)
        coarse = self.down[2](middle)
        middle = self.up[0](middle + F.interpolate(self.lift[0](coarse), scale_factor=2))
        fine = self.up[1](fine + F.interpolate(self.lift[1](middle), scale_factor=2))
        parts = self.head(F.relu(self.last_norm(fine))).float().split(list(self.sizes.values()), dim=1)
        found = dict(zip(self.sizes, parts, strict=True))
        found["background"] = self.backdrop(coarse.mean((2, 3))).float()
        return found


def new_oracle() -> Oracle:
    """An untrained network for the catalogue and palette as they are now."""
    network: Oracle = Oracle(kinds=list(catalogue()), colors=list(palette()))
    return network


def read_scene(
    pictures: Sequence[NDArray[np.uint8]], oracle: Oracle | None = None
) -> list[tuple[Placed, ...]]:
    """What pictures show.

    Args:
        pictures: uint8 arrays [H, W, 3]; other sizes than 128 x 128 are resampled.
        oracle: A network; None = the shipped one.

    Returns:
        For each picture its things with amodal boxes and all attributes, in depth order, farthest first.
    """
    return [things for things, _ in read_all(pictures, oracle)]


def read_background(pictures: Sequence[NDArray[np.uint8]], oracle: Oracle | None = None) -> list[str]:
    """The background of each picture, one of BACKGROUNDS."""
    return [background for _, background in read_all(pictures, oracle)]


def read_all(
    pictures: Sequence[NDArray[np.uint8]], oracle: Oracle | None = None
) -> list[tuple[tuple[Placed, ...], str]]:
    """Things and background of each picture; see `read_scene`."""
    network = (oracle or _shipped()).eval()
    found: list[tuple[tuple[Placed, ...], str]] = []
    for start in range(0, len(pictures), READ_AT_ONCE):
        sized = [_at_side(picture) for picture in pictures[start : start + READ_AT_ONCE]]
        logits = _forward(network, sized)
        for index in range(len(logits["background"])):
            votes = _votes(network, {name: values[index] for name, values in logits.items()})
            behind = BACKGROUNDS[int(logits["background"][index].argmax())]
            sure, doubtful = candidates_from_votes(votes)
            found.append((fit_scene(sized[index], sure, doubtful, behind), behind))
    return found


@cache
def _shipped() -> Oracle:
    source = weights.folder("oracle")
    with quiet():
        network: Oracle = Oracle.from_pretrained(source, local_files_only=True, use_safetensors=True)
    require_whole(network, source)
    network.float().to(memory_format=torch.channels_last)
    return network


@torch.inference_mode()
def _forward(network: Oracle, pictures: Sequence[NDArray[np.uint8]]) -> dict[str, Tensor]:
    pixels = torch.from_numpy(np.stack(pictures)).to(network.device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return {name: values.cpu() for name, values in network(pixels).items()}


def _at_side(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if picture.shape[:2] == (SIDE, SIDE):
        return picture
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX))


def _votes(network: Oracle, logits: dict[str, Tensor]) -> Votes:
    """One picture's logits as probabilities and boxes of the cells that show a thing."""
    classes = {
        name: values.softmax(0).permute(1, 2, 0).double().numpy()
        for name, values in logits.items()
        if name not in ("edges", "background")
    }
    present = 1 - classes["kind"][..., 0]
    rows, columns = np.nonzero(present >= 0.5)
    edges = logits["edges"].permute(1, 2, 0).double().numpy()[rows, columns]
    x, y = (columns + 0.5) / GRID, (rows + 0.5) / GRID
    boxes = np.stack([x - edges[:, 0], y - edges[:, 1], x + edges[:, 2], y + edges[:, 3]], axis=1)
    kinds = classes["kind"][rows, columns, 1:]
    return Votes(
        cells=np.stack([rows, columns], axis=1),
        boxes=boxes,
        trust=present[rows, columns],
        kinds=kinds / np.maximum(kinds.sum(1, keepdims=True), 1e-9),
        attributes={name: classes[name][rows, columns] for name in ("color", "surface", "pose", "facing")},
        kind_names=tuple(network.config.kinds),
        color_names=tuple(network.config.colors),
        grid=GRID,
    )
