"""How well a recogniser reads: things found, attributes right, descriptions judged like the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasvir.models.embedded.recogniser_peaks import Detection, iou, to_placed
from tasvir.models.embedded.training.artefacts import ArtefactPool, distort
from tasvir.models.embedded.training.pixels import to_tensor
from tasvir.models.embedded.training.recogniser_targets import LEAST_VISIBLE, visibility
from tasvir.world.captions import caption
from tasvir.world.catalogue import catalogue
from tasvir.world.description import check
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene

VALIDATION = 2**31
"""First number of every validation seed; training seeds start lower."""

SAME = 0.5
"""Intersection over union from which a thing of the right kind is found."""

FIGURES = (
    "precision", "recall", "exact", "box_error", "color", "surface", "pose", "facing", "depth", "background",
    "miss", "disagree",
)  # fmt: skip
"""Names of the figures, explained at `figures`."""

Pictures = list[NDArray[np.uint8]]
Truth = list[tuple[Placed, bool]]
"""Things with whether enough of them shows to be asked for."""


def clean_renders(n: int, seed: int) -> tuple[list[Scene], Pictures]:
    """Scenes of unseen seeds and their renders."""
    rng = np.random.default_rng([VALIDATION, seed])
    scenes = [sample_scene(rng) for _ in range(n)]
    return scenes, [render(scene) for scene in scenes]


def artefact_renders(pool: ArtefactPool, n: int, seed: int) -> tuple[list[Scene], Pictures]:
    """Scenes of unseen seeds with faults: redrawn, else reconstructed, else distorted."""
    rng = np.random.default_rng([VALIDATION, seed])
    noise = torch.Generator().manual_seed(seed)
    scenes = [sample_scene(rng) for _ in range(n)]
    pictures: Pictures = []
    for start in range(0, n, 8):
        part = scenes[start : start + 8]
        if pool.pipeline is not None:
            pictures += list(pool.redrawn(part, rng, noise))
        elif pool.vae is not None:
            pictures += list(pool.reconstructed(part, rng, noise))
        else:
            clean = to_tensor(np.stack([render(scene) for scene in part]), torch.device("cpu"))
            pixels = (distort(clean, rng, noise) + 1) * 127.5
            pictures += list(pixels.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy())
    return scenes, pictures


def best_threshold(model: Reads, sets: Sequence[tuple[list[Scene], Pictures]]) -> float:
    """The score from which counting peaks as things gives the best F1 over all sets."""
    hits: list[tuple[float, bool]] = []
    wanted = 0
    for scenes, pictures in sets:
        for scene, found in zip(scenes, model.detections(pictures, 0.1), strict=True):
            truth = _truth(scene)
            wanted += sum(asked for _, asked in truth)
            matched = match(found, truth)
            pairs = zip(found, matched, strict=True)
            hits += [(one.score, hit is not None) for one, hit in pairs if not _excused(hit, truth)]
    best, best_score = 0.4, -1.0
    for threshold in np.arange(0.15, 0.81, 0.01).round(2).tolist():
        chosen = [hit for score, hit in hits if score >= threshold]
        score = 2 * sum(chosen) / max(len(chosen) + wanted, 1)
        if score > best_score:
            best, best_score = float(threshold), score
    return best


def match(found: Sequence[Detection], truth: Truth) -> list[int | None]:
    """For each detection, best first, the thing that it finds: same kind, IoU >= SAME, each thing once."""
    taken: set[int] = set()
    matched: list[int | None] = []
    for one in found:
        overlaps = [
            (iou(one.thing.box, thing.box), index)
            for index, (thing, _) in enumerate(truth)
            if thing.kind == one.thing.kind and index not in taken
        ]
        overlap, index = max(overlaps, default=(0.0, -1))
        matched.append(index if overlap >= SAME else None)
        taken |= {index} if overlap >= SAME else set()
    return matched


def figures(
    model: Reads, scenes: Sequence[Scene], pictures: Pictures, *, seed: int
) -> dict[str, float | None]:
    """Shares from 0 to 1; None where there was nothing to measure.

    precision, recall: Of things of the right kind with IoU >= SAME; those that hardly show count for neither.
    exact: Pictures in which all things and nothing else is found, with all attributes.
    color, surface, pose, facing, depth: Right among found things that have it (depth: among meeting pairs).
    box_error: Mean error of a found box's edge in fractions of the picture.
    miss: Predicates of a picture's own description that are judged false.
    disagree: Predicates of another picture's description whose judgement differs from the truth's.
    """
    tally = _Tally()
    places = [place for _, place in model.read(pictures)]
    detections = model.detections(pictures, model.threshold)
    for scene, found, place in zip(scenes, detections, places, strict=True):
        tally.add(scene, found, place)
    rng = np.random.default_rng([VALIDATION, seed, 1])
    descriptions = [caption(scene, rng)[1] for scene in scenes]
    for index, (scene, found, place) in enumerate(zip(scenes, detections, places, strict=True)):
        seen = to_placed(found)
        for _, holds in check(descriptions[index], seen, place).predicates:
            tally.count("miss", not holds)
        other = descriptions[index - 1]
        judged, truth = check(other, seen, place), check(other, scene.things, scene.background)
        for (_, said), (_, holds) in zip(_sorted(judged.predicates), _sorted(truth.predicates), strict=True):
            tally.count("disagree", said != holds)
    return {"n": float(len(scenes)), **tally.shares()}


def _sorted(predicates: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return sorted(predicates, key=lambda predicate: predicate[0])


class Reads(Protocol):
    """A recogniser, alone or with an inspector."""

    @property
    def threshold(self) -> float:
        """Score from which a thing is believed."""

    def detections(self, pictures: Sequence[NDArray[np.uint8]], least: float) -> list[tuple[Detection, ...]]:
        """Things with a score of at least ``least``, best first."""

    def read(self, pictures: Sequence[NDArray[np.uint8]]) -> list[tuple[tuple[Placed, ...], str]]:
        """Things in depth order and the background."""


class _Tally:
    """Running means by name."""

    def __init__(self) -> None:
        self.sums = dict.fromkeys(FIGURES, 0.0)
        self.numbers = dict.fromkeys(self.sums, 0)

    def count(self, name: str, value: float) -> None:
        self.sums[name] += value
        self.numbers[name] += 1

    def shares(self) -> dict[str, float | None]:
        return {
            name: round(total / self.numbers[name], 5) if self.numbers[name] else None
            for name, total in self.sums.items()
        }

    def add(self, scene: Scene, found: Sequence[Detection], place: str) -> None:
        truth = _truth(scene)
        matched = match(found, truth)
        self.count("background", place == scene.background)
        for index, (_, asked) in enumerate(truth):
            if asked:
                self.count("recall", index in matched)
        whole = all(index in matched for index, (_, asked) in enumerate(truth) if asked)
        for one, hit in zip(found, matched, strict=True):
            if _excused(hit, truth):
                continue
            self.count("precision", hit is not None)
            whole = whole and hit is not None and self._attributes(one.thing, truth[hit][0])
        self.count("exact", whole)
        self._depth(found, matched, truth)

    def _attributes(self, said: Placed, thing: Placed) -> bool:
        rules = catalogue()[thing.kind]
        asked = {"surface": rules.surfaces, "pose": bool(rules.poses), "facing": rules.directional}
        right = True
        for name in ("color", *(name for name, wanted in asked.items() if wanted)):
            same = getattr(said, name) == getattr(thing, name)
            self.count(name, same)
            right = right and same
        self.count("box_error", float(np.abs(np.subtract(said.box, thing.box)).mean()))
        return right

    def _depth(self, found: Sequence[Detection], matched: Sequence[int | None], truth: Truth) -> None:
        near = {hit: one.near for one, hit in zip(found, matched, strict=True) if hit is not None}
        for a in near:
            for b in near:
                if a < b and iou(truth[a][0].box, truth[b][0].box) > 0:
                    self.count("depth", near[a] < near[b])


def _truth(scene: Scene) -> Truth:
    _, shares = visibility(scene.things)
    return [(thing, bool(share >= LEAST_VISIBLE)) for thing, share in zip(scene.things, shares, strict=True)]


def _excused(hit: int | None, truth: Truth) -> bool:
    """Found, but so little of it shows that nobody asked."""
    return hit is not None and not truth[hit][1]
