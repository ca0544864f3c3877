"""Training the recogniser on the pictures of `picture_source`.

Loss: quality focal loss on the heat (Li et al. 2020, eq. 4, with the target heat as quality), cross entropy
on the kind that each cell shows (many more labels than peaks, which speeds learning up), L1 and generalised
IoU (Rezatofighi et al. 2019) on boxes, cross entropy on attributes and background, and a logistic ranking
loss on the nearness of things whose boxes meet.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded.recogniser import Reading, Recogniser
from tasvir.models.embedded.recogniser_labels import FIELDS
from tasvir.models.embedded.training.picture_source import PictureSource
from tasvir.models.embedded.training.recogniser_figures import (
    artefact_renders,
    best_threshold,
    clean_renders,
    figures,
)
from tasvir.models.embedded.training.recogniser_targets import NONE, Targets, targets

ATTRIBUTES = ("color", "surface", "pose", "facing")
WEIGHTS = {
    "heat": 1.0,
    "box": 4.0,
    "giou": 1.0,
    "color": 0.7,
    "surface": 0.4,
    "pose": 0.6,
    "facing": 0.5,
    "near": 0.5,
    "kinds": 0.7,
    "background": 0.2,
}


class RecogniserTask:
    """Find and describe the things of scenes.

    Args:
        device: Where to train.
        seed: Seeds the weights.
        vae: Folder of a trained autoencoder; None = no reconstructions.
        pipeline: Folder of a trained generator, whose autoencoder is used if ``vae`` is None; None = no
            redrawn pictures.
    """

    name = "recogniser"
    lr = 1.5e-3
    batch = 48

    def __init__(
        self, device: torch.device, seed: int, vae: Path | None = None, pipeline: Path | None = None
    ) -> None:
        torch.manual_seed(seed)
        self.model = Recogniser().to(device, memory_format=torch.channels_last)
        self.device = device
        self.source = PictureSource(device, vae, pipeline)

    def network(self) -> nn.Module:
        network: nn.Module = self.model
        return network

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        scenes, pictures = self.source.draw(rng, noise, batch)
        reading = self.model(pictures)
        parts = losses(reading, targets(scenes))
        total = sum((WEIGHTS[name] * part for name, part in parts.items()), start=torch.zeros(()))
        return total, {
            "loss": float(total.detach()),
            **{name: float(part.detach()) for name, part in parts.items()},
        }

    def finish(self, out: Path) -> None:
        """Tune the threshold, measure on pictures of unseen seeds, save as diffusers does."""
        self.model.eval()
        tuning = [clean_renders(200, 1), artefact_renders(self.source.pool, 200, 2)]
        self.model.register_to_config(threshold=best_threshold(self.model, tuning))
        card = {
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "threshold": self.model.config.threshold,
            "clean": evaluate_on_renders(self.model, 500, 3),
            "artefacts": figures(self.model, *artefact_renders(self.source.pool, 500, 4), seed=4),
        }
        self.model.half().save_pretrained(out / "recogniser")
        self.model.float()
        (out / "figures.json").write_text(json.dumps(card, indent=2), "utf-8")


def evaluate_on_renders(model: Recogniser, n: int, seed: int) -> dict[str, float | None]:
    """The figures of `figures` on ``n`` clean renders drawn from ``seed`` (never one of training's)."""
    return figures(model, *clean_renders(n, seed), seed=seed)


def losses(reading: Reading, truth: Targets) -> dict[str, Tensor]:
    """Every part of the loss, unweighted; zero where a batch has nothing to learn it from."""
    device = reading.heat.device
    parts = {"heat": heat_loss(reading.heat.float(), torch.from_numpy(truth.heat).to(device))}
    at = torch.from_numpy(truth.cells).to(device)
    owner = torch.from_numpy(truth.owner).to(device)
    weight = torch.from_numpy(truth.weight).to(device)
    said = reading.cells.permute(0, 2, 3, 1)[at[:, 0], at[:, 1], at[:, 2]].float()
    boxes = torch.from_numpy(truth.boxes).to(device)
    parts |= _box_losses(said[:, FIELDS["box"]], at, boxes[owner], weight, reading.heat.shape[-1])
    labels = torch.from_numpy(truth.labels).to(device)[owner]
    for column, name in enumerate(ATTRIBUTES):
        each = F.cross_entropy(said[:, FIELDS[name]], labels[:, column], ignore_index=NONE, reduction="none")
        parts[name] = _mean(each, weight * (labels[:, column] != NONE))
    near = _mean_by_owner(said[:, FIELDS["near"]][:, 0], owner, weight, len(boxes))
    parts["near"] = _ranking_loss(near, torch.from_numpy(truth.pairs).to(device))
    shown = torch.from_numpy(truth.kinds).to(device)
    parts["kinds"] = F.cross_entropy(reading.shown.float(), shown, ignore_index=NONE)
    places = torch.from_numpy(truth.background).to(device)
    parts["background"] = F.cross_entropy(reading.background.float(), places)
    return parts


def heat_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Quality focal loss: sum of |y - p|^2 BCE(p, y) over the sum of y; negative targets are left out."""
    asked = target >= 0
    target = target.clamp(min=0)
    missed = (target - torch.sigmoid(logits)).square()
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (missed * each * asked).sum() / target.sum().clamp(min=1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes [P, 4], -1..1: IoU minus the share of the hull that neither covers."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(1)

    shared = area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    union = area(a[:, :2], a[:, 2:]) + area(b[:, :2], b[:, 2:]) - shared
    hull = area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def _box_losses(said: Tensor, at: Tensor, boxes: Tensor, weight: Tensor, grid: int) -> dict[str, Tensor]:
    centre = (at[:, [2, 1]].float() + 0.5) / grid
    wanted = torch.cat([centre - boxes[:, :2], boxes[:, 2:] - centre], 1)
    reached = said.clamp(min=0)
    claimed = torch.cat([centre - reached[:, :2], centre + reached[:, 2:]], 1)
    return {
        "box": _mean((said - wanted).abs().sum(1), weight),
        "giou": _mean(1 - generalised_iou(claimed, boxes), weight),
    }


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-3)


def _mean_by_owner(values: Tensor, owner: Tensor, weight: Tensor, count: int) -> Tensor:
    total = torch.zeros(count, device=values.device).index_add(0, owner, values * weight)
    return total / torch.zeros(count, device=values.device).index_add(0, owner, weight).clamp(min=1e-3)


def _ranking_loss(near: Tensor, pairs: Tensor) -> Tensor:
    if len(pairs) == 0:
        return near.new_zeros(())
    return F.softplus(near[pairs[:, 0]] - near[pairs[:, 1]]).mean()
