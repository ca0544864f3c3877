"""What each patch of a picture shows: a lesson beside the main one for towers that see in patches.

A vision transformer that learns from answers or captions alone needs far more pictures to find out that there
are things at all. The heads are dropped when training ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded.inspector import SIZES
from tasvir.models.embedded.recogniser_labels import BACKGROUND_NAMES, KINDS
from tasvir.models.embedded.training.recogniser_targets import NONE, labels_of, visibility
from tasvir.world.scene import Scene

SHOWN, EMPTY = 0.12, 0.04
"""Share of a patch from which it shows its thing, and up to which none; between, nothing is asked."""
WEIGHTS = {"kind": 1.0, "color": 0.5, "surface": 0.4, "pose": 0.4, "facing": 0.4}
EDGES_WEIGHT, BACKGROUND_WEIGHT = 4.0, 0.1


class PatchTeacher(nn.Module):
    """Heads on the tokens of a vision tower: class token first, then a square grid of patches.

    Args:
        width: Of a token.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.patch = nn.Linear(width, sum(SIZES.values()))
        self.whole = nn.Linear(width, len(BACKGROUND_NAMES))

    def forward(self, tokens: Tensor, scenes: Sequence[Scene]) -> tuple[Tensor, dict[str, float]]:
        """The loss and its parts for tokens [N, 1 + G * G, width] of N scenes."""
        tokens = self.norm(tokens)
        grid = round((tokens.shape[1] - 1) ** 0.5)
        labels, edges = (torch.from_numpy(part).to(tokens.device) for part in patch_labels(scenes, grid))
        said = dict(
            zip(SIZES, self.patch(tokens[:, 1:]).float().split(list(SIZES.values()), -1), strict=True)
        )
        parts: dict[str, Tensor] = {}
        for column, name in enumerate(WEIGHTS):
            asked = labels[..., column] != NONE
            if bool(asked.any()):
                parts[name] = F.cross_entropy(said[name][asked], labels[..., column][asked])
        things = (labels[..., 0] >= 0) & (labels[..., 0] < len(KINDS))
        off = (said["edges"] - edges).abs().mean(-1)[things].mean()
        places = torch.tensor([BACKGROUND_NAMES.index(scene.background) for scene in scenes])
        place = F.cross_entropy(self.whole(tokens[:, 0]).float(), places.to(tokens.device))
        total = EDGES_WEIGHT * off + BACKGROUND_WEIGHT * place
        total = total + sum(WEIGHTS[name] * part for name, part in parts.items())
        figures = {name: float(part.detach()) for name, part in parts.items()}
        return total, {**figures, "edges": float(off.detach())}


def patch_labels(scenes: Sequence[Scene], grid: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What the patches of scenes show.

    Returns:
        Labels [N, G * G, 5] = kind (len(KINDS) = no thing), colour, surface, pose, facing; NONE = not asked.
        Edges [N, G * G, 4]: from the patch's middle to the left, top, right and bottom of its thing's box.
    """
    labels = np.full((len(scenes), grid * grid, 5), NONE, np.int64)
    edges = np.zeros((len(scenes), grid * grid, 4), np.float32)
    middle = (np.arange(grid) + 0.5) / grid
    at = np.stack([np.tile(middle, grid), np.repeat(middle, grid)], 1)
    for row, scene in enumerate(scenes):
        seen, _ = visibility(scene.things)
        step = seen.shape[1] // grid
        shares = seen.reshape(len(seen), grid, step, grid, step).mean((2, 4)).reshape(len(seen), -1)
        best = shares.argmax(0)
        most = shares.max(0)
        table = np.array([[KINDS.index(thing.kind), *labels_of(thing)] for thing in scene.things])
        boxes = np.array([thing.box for thing in scene.things])[best]
        shown = most >= SHOWN
        labels[row, shown] = table[best][shown]
        labels[row, most <= EMPTY, 0] = len(KINDS)
        edges[row] = np.concatenate([at - boxes[:, :2], boxes[:, 2:] - at], 1)
    return labels, edges
