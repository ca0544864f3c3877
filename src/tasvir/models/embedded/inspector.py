"""The inspector: looks at each thing that the recogniser found once more, enlarged, and says what it is.

The second stage of a two-stage detector (after Ren et al. 2015, "Faster R-CNN", but with pixels cut out
instead of features). A cut shows one thing and little else at one size, so what it is called does not depend
on what else stands in the picture, and a thing of 16 pixels is seen as well as one of 60.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
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
from tasvir.models.embedded.recogniser import Recogniser, to_input
from tasvir.models.embedded.recogniser_labels import BACKGROUND_NAMES, COLORS, KINDS
from tasvir.models.embedded.recogniser_peaks import Detection, described, iou, to_placed
from tasvir.models.quiet import quiet
from tasvir.world.description import Entity, fits
from tasvir.world.scene import FACINGS, POSES, SURFACES, Placed

CUT = 40
"""Side of a cut in pixels."""
MARGIN = 0.2
"""What a cut shows round the box, on each side, as a share of its width or height."""
COARSE = 0.5
"""Width or height of a cut, as a share of the picture's, above which it is taken from the halved picture."""
SAME_BOX = 0.6
"""Intersection over union from which two things are the same."""
OFFERED = 0.4
"""Share of the threshold from which a peak of the recogniser is inspected."""

SIZES = {
    "kind": len(KINDS) + 1,
    "color": len(COLORS),
    "surface": len(SURFACES),
    "pose": len(POSES),
    "facing": len(FACINGS),
    "edges": 4,
}
"""Outputs of the inspector. The last kind is "no thing of this box"; edges = from the box's edges to the
thing's, in shares of the box's width and height."""

Pictures = Sequence[NDArray[np.uint8]]


def cut_out(pictures: Tensor, owner: Tensor, boxes: Tensor) -> Tensor:
    """Cuts of pictures, enlarged or shrunk to one size.

    Args:
        pictures: [N, 3, H, W].
        owner: [M], which picture a box is of.
        boxes: [M, 4] in fractions.

    Returns:
        [M, 3, CUT, CUT]; beyond the picture its border goes on.
    """
    middle = (boxes[:, :2] + boxes[:, 2:]) - 1
    half = (boxes[:, 2:] - boxes[:, :2]) * (1 + 2 * MARGIN)
    steps = (torch.arange(CUT, device=boxes.device) + 0.5) / CUT * 2 - 1
    x = middle[:, :1] + half[:, :1] * steps
    y = middle[:, 1:] + half[:, 1:] * steps
    grid = torch.stack([x[:, None].expand(-1, CUT, -1), y[:, :, None].expand(-1, -1, CUT)], -1)
    cuts = pictures.new_empty(len(boxes), 3, CUT, CUT)
    large = half.amax(1) > COARSE
    for level, chosen in ((pictures, ~large), (F.avg_pool2d(pictures, 2), large)):
        if chosen.any():
            whole = level[owner[chosen]]
            cuts[chosen] = F.grid_sample(
                whole, grid[chosen].to(whole), padding_mode="border", align_corners=False
            )
    return cuts


class Inspector(ModelMixin, ConfigMixin):
    """Cuts in [-1, 1], shape [M, 3, 40, 40], with their boxes to what they show.

    Args:
        widths: Features at a half, a quarter and an eighth of a cut's resolution.
        kinds: Names of kinds; kept with the weights, so that a changed catalogue is noticed.
        threshold: Score from which a thing is believed; tuned after training.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        widths: tuple[int, int, int] = (48, 96, 160),
        kinds: tuple[str, ...] = KINDS,  # noqa: ARG002 (kept in the config)
        threshold: float = 0.3,  # noqa: ARG002 (kept in the config)
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 4, stride=2, padding=1)
        parts: list[nn.Module] = [ResidualBlock(widths[0])]
        for before, width in pairwise(widths):
            parts += [nn.SiLU(), nn.Conv2d(before, width, 2, stride=2), ResidualBlock(width)]
        self.body = nn.Sequential(*parts, ResidualBlock(widths[-1]), nn.SiLU())
        self.squeeze = nn.Conv2d(widths[-1], 48, 1)
        cells = (CUT // 8) ** 2
        self.mix = nn.Linear(48 * cells + widths[-1] + 4, 256)
        self.head = nn.Linear(256, sum(SIZES.values()))

    def forward(self, cuts: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        """Logits by name of SIZES, each [M, size]; "edges" are shares, not logits."""
        seen = self.body(self.stem(cuts))
        parts = [self.squeeze(seen).flatten(1), seen.mean((2, 3)), boxes.to(seen.dtype)]
        said = self.head(F.silu(self.mix(torch.cat(parts, 1))))
        return dict(zip(SIZES, said.float().split(list(SIZES.values()), 1), strict=True))

    @classmethod
    def shipped(cls) -> Self:
        """The inspector that ships with tasvir.

        Raises:
            WeightsError: Its weights are missing or altered.
        """
        source = weights.folder("inspector")
        with quiet():
            model: Self = cls.from_pretrained(source, local_files_only=True, use_safetensors=True)
        require_whole(model, source)
        model.float().eval()
        return model


@dataclass(frozen=True, slots=True)
class Reader:
    """Recogniser, then inspector.

    Args:
        recogniser: Finds things.
        inspector: Says what each is.
    """

    recogniser: Recogniser
    inspector: Inspector

    @property
    def threshold(self) -> float:
        """Score from which a thing is believed."""
        threshold: float = self.inspector.config.threshold
        return threshold

    @torch.no_grad()
    def look(self, pictures: Pictures, least: float) -> tuple[list[tuple[Detection, ...]], list[str]]:
        """Things of each picture with a score of at least ``least``, best first, and the backgrounds."""
        things: list[tuple[Detection, ...]] = []
        places: list[str] = []
        for start in range(0, len(pictures), 32):
            part = pictures[start : start + 32]
            found, behind = self.recogniser.look(part, min(OFFERED * self.threshold, least))
            inspected = self._inspect(part, found)
            things += [tuple(one for one in each if one.score >= least) for each in inspected]
            places += [BACKGROUND_NAMES[index] for index in behind]
        return things, places

    def detections(self, pictures: Pictures, least: float = 0.05) -> list[tuple[Detection, ...]]:
        """All things with their scores, best first.

        Args:
            pictures: uint8 arrays [H, W, 3].
            least: Score (0 to 1) from which a thing is listed.
        """
        return self.look(pictures, least)[0]

    def read(self, pictures: Pictures) -> list[tuple[tuple[Placed, ...], str]]:
        """The things of each picture in depth order, farthest first, and the name of its background."""
        things, places = self.look(pictures, self.threshold)
        return [(to_placed(found), place) for found, place in zip(things, places, strict=True)]

    def is_there(self, pictures: Pictures, wanted: Entity) -> list[float]:
        """For each picture how sure it is, 0 to 1, that such a thing is there: the score of the best one that
        is all that `wanted` says of a single thing; 0 = none was seen at all. What `read` lists scores at
        least `threshold`."""
        return [
            max((one.score for one in found if fits(wanted, one.thing)), default=0.0)
            for found in self.detections(pictures)
        ]

    def _inspect(
        self, pictures: Pictures, found: Sequence[Sequence[Detection]]
    ) -> list[tuple[Detection, ...]]:
        owner = [row for row, each in enumerate(found) for _ in each]
        flat = [one for each in found for one in each]
        if not flat:
            return [() for _ in found]
        pixels = to_input(pictures, self.inspector.device, self.inspector.dtype)
        boxes = torch.tensor([one.thing.box for one in flat], device=pixels.device)
        said = self.inspector(cut_out(pixels, torch.tensor(owner, device=pixels.device), boxes), boxes)
        scores = {name: values.cpu() for name, values in said.items()}
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2).cpu()
        moved = (boxes.cpu() + scores["edges"] * sides).clamp(0, 1).tolist()
        chances = scores["kind"].softmax(1)
        revised: list[list[Detection]] = [[] for _ in found]
        for index, (row, one) in enumerate(zip(owner, flat, strict=True)):
            revised[row].append(_revised(one, moved[index], chances[index], scores, index))
        return [_apart(each) for each in revised]


def _revised(
    one: Detection, box: Sequence[float], chances: Tensor, scores: dict[str, Tensor], index: int
) -> Detection:
    """A detection as the inspector sees it; a box turned inside out by its edges is left as it was."""
    whole = box if box[2] - box[0] > 0.02 and box[3] - box[1] > 0.02 else one.thing.box
    attributes = {name: scores[name][index].numpy() for name in ("color", "surface", "pose", "facing")}
    thing = described(int(chances[:-1].argmax()), whole, attributes)
    return Detection(thing, one.score**0.5 * float(chances[:-1].max()), one.near)


def _apart(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Best first, without those whose box is that of a better one."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(iou(one.thing.box, other.thing.box) <= SAME_BOX for other in kept):
            kept.append(one)
    return tuple(kept)


@cache
def shipped_reader() -> Reader:
    """The recogniser and inspector that ship with tasvir.

    Raises:
        WeightsError: Weights are missing or altered.
    """
    return Reader(Recogniser.shipped(), Inspector.shipped())


def read(pictures: Pictures) -> list[tuple[tuple[Placed, ...], str]]:
    """`Reader.read` of the shipped models."""
    return shipped_reader().read(pictures)
