"""Training the inspector: cuts round the boxes of things, moved a little, and cuts of nothing in particular.

Half of the cuts have their colour channels exchanged and their colour label dropped, so that the shape alone
says the kind: a held-out colour of a kind is then nothing new.
"""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded.inspector import Inspector, Reader, cut_out
from tasvir.models.embedded.recogniser import Recogniser
from tasvir.models.embedded.recogniser_labels import KINDS
from tasvir.models.embedded.recogniser_peaks import iou
from tasvir.models.embedded.training.picture_source import PictureSource
from tasvir.models.embedded.training.recogniser_figures import (
    artefact_renders,
    best_threshold,
    clean_renders,
    figures,
)
from tasvir.models.embedded.training.recogniser_targets import LEAST_VISIBLE, NONE, labels_of, visibility
from tasvir.world.scene import Scene

MOVED, FAR_MOVED, FAR = 0.12, 0.25, 0.15
"""An edge of a cut's box is moved by up to this share of the box; by so much in the share FAR of cuts."""
NOTHING, APART = 0.5, 0.25
"""Cuts of no thing per picture, and the most IoU that their boxes have with a thing's."""
RECOLORED = 0.5
WEIGHTS = {"kind": 1.0, "color": 0.5, "surface": 0.4, "pose": 0.6, "facing": 0.4}
EDGES_WEIGHT = 2.0


class InspectorTask:
    """Say what cuts show.

    Args:
        device: Where to train.
        seed: Seeds the weights.
        vae: Folder of a trained autoencoder; None = the pipeline's.
        pipeline: Folder of a trained generator; None = no redrawn pictures.
        recogniser: Folder of a trained recogniser, with which the finished inspector is measured.
    """

    name = "inspector"
    lr = 1.5e-3
    batch = 48

    def __init__(
        self, device: torch.device, seed: int, vae: Path | None, pipeline: Path | None, recogniser: Path
    ) -> None:
        torch.manual_seed(seed)
        self.model = Inspector().to(device, memory_format=torch.channels_last)
        self.device = device
        self.source = PictureSource(device, vae, pipeline)
        self.recogniser = recogniser

    def network(self) -> nn.Module:
        network: nn.Module = self.model
        return network

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        scenes, pictures = self.source.draw(rng, noise, batch)
        owner, boxes, labels, edges = cuts_of(scenes, rng)
        at = torch.from_numpy(boxes).to(self.device)
        cuts = cut_out(pictures.float(), torch.from_numpy(owner).to(self.device), at)
        truth = torch.from_numpy(labels).to(self.device)
        cuts, recolored = recolor(cuts, rng)
        truth[recolored, 1] = NONE
        said = self.model(cuts.contiguous(memory_format=torch.channels_last), at)
        parts = {
            name: F.cross_entropy(said[name], truth[:, column], ignore_index=NONE)
            for column, name in enumerate(WEIGHTS)
            if bool((truth[:, column] != NONE).any())
        }
        total = sum((WEIGHTS[name] * part for name, part in parts.items()), start=torch.zeros(()))
        wanted = torch.from_numpy(edges).to(self.device)
        things = truth[:, 0] != len(KINDS)
        off = F.l1_loss(said["edges"][things], wanted[things])
        total = total + EDGES_WEIGHT * off
        found = {name: float(part.detach()) for name, part in parts.items()}
        return total, {"loss": float(total.detach()), **found, "edges": float(off.detach())}

    def finish(self, out: Path) -> None:
        """Tune the threshold, measure together with the recogniser on pictures of unseen seeds, save."""
        recogniser = Recogniser.from_pretrained(
            self.recogniser, local_files_only=True, use_safetensors=True
        ).float()
        reader = Reader(recogniser.to(self.device).eval(), self.model.eval())
        tuning = [clean_renders(200, 1), artefact_renders(self.source.pool, 200, 2)]
        self.model.register_to_config(threshold=best_threshold(reader, tuning))
        card = {
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "threshold": self.model.config.threshold,
            "clean": figures(reader, *clean_renders(500, 3), seed=3),
            "artefacts": figures(reader, *artefact_renders(self.source.pool, 500, 4), seed=4),
        }
        self.model.half().save_pretrained(out / "inspector")
        self.model.float()
        (out / "figures.json").write_text(json.dumps(card, indent=2), "utf-8")


def cuts_of(
    scenes: list[Scene], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Boxes to cut out of scenes and what they show.

    Returns:
        owner [M]; boxes [M, 4] in fractions; labels [M, 5] = kind (len(KINDS) = none), colour, surface, pose,
        facing, NONE where there is none; edges [M, 4], see `inspector.SIZES`.
    """
    owner: list[int] = []
    boxes: list[NDArray[np.float64]] = []
    labels: list[list[int]] = []
    edges: list[NDArray[np.float64]] = []
    for row, scene in enumerate(scenes):
        _, shares = visibility(scene.things)
        for thing, share in zip(scene.things, shares, strict=True):
            if share >= LEAST_VISIBLE:
                box = np.array(thing.box)
                sides = np.tile(box[2:] - box[:2], 2)
                reach = FAR_MOVED if rng.random() < FAR else MOVED
                moved = box + rng.uniform(-reach, reach, 4) * sides
                owner.append(row)
                boxes.append(moved)
                labels.append([KINDS.index(thing.kind), *labels_of(thing)])
                edges.append((box - moved) / np.tile(moved[2:] - moved[:2], 2))
        if rng.random() < NOTHING:
            low, sides = rng.uniform(0, 0.8, 2), rng.uniform(0.12, 0.45, 2)
            box = np.concatenate([low, np.minimum(low + sides, 1.0)])
            if all(iou(box.tolist(), thing.box) < APART for thing in scene.things):
                owner.append(row)
                boxes.append(box)
                labels.append([len(KINDS), NONE, NONE, NONE, NONE])
                edges.append(np.zeros(4))
    return (
        np.array(owner, np.int64),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64).reshape(-1, 5),
        np.array(edges, np.float32).reshape(-1, 4),
    )


def recolor(cuts: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Exchange the colour channels of some cuts [M, 3, H, W], some made negative; which, [M] bool."""
    orders = np.array([order for order in permutations(range(3)) if order != (0, 1, 2)])
    chosen = rng.random(len(cuts)) < RECOLORED
    order = np.where(chosen[:, None], orders[rng.integers(len(orders), size=len(cuts))], np.arange(3))
    sign = np.where(chosen & (rng.random(len(cuts)) < 0.25), -1.0, 1.0).astype(np.float32)
    rows = torch.arange(len(cuts), device=cuts.device)[:, None]
    mixed = cuts[rows, torch.from_numpy(order).to(cuts.device)]
    flips = torch.from_numpy(sign).to(cuts.device).view(-1, 1, 1, 1)
    return mixed * flips, torch.from_numpy(chosen).to(cuts.device)
