"""Detectors and depth estimators of transformers: from the hub or a folder.

Two kinds of detector: those that look for whatever words they are given (OWL-ViT, Minderer et al. 2022 and
2023; Grounding DINO, Liu et al. 2023) and those with a fixed list of classes (DETR, Carion et al. 2020, and
its kin). Depth: relative inverse depth (MiDaS and DPT, Ranftl et al. 2021; Depth Anything, Yang et al. 2024).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F
from transformers import (
    AutoImageProcessor,
    AutoModelForDepthEstimation,
    AutoModelForObjectDetection,
    AutoModelForZeroShotObjectDetection,
)

from tasvir.errors import HubError
from tasvir.models.detection.base import Detection, require_rgb
from tasvir.models.image_text.opening import open_model
from tasvir.models.load import LoadSettings
from tasvir.records import Box

Key = TypeVar("Key", bound=Hashable)
BATCH = 8
METRIC = frozenset({"glpn", "zoedepth", "depth_pro", "chmv2"})
"""Model types that give distances, the larger the farther."""


class ZeroShotDetector:
    """Looks for whatever words it is given.

    Args:
        model: Hub id or folder of an OWL-ViT, OWLv2 or Grounding DINO.
        load: How it is opened.
    """

    tells_colors = False
    threshold = 0.1

    def __init__(self, model: str, load: LoadSettings) -> None:
        self._opened = open_model(AutoModelForZeroShotObjectDetection, "detector", model, load)
        self.identity = self._opened.identity
        self._reads_ids = "dino" in self._opened.network.config.model_type

    def knows(self, label: str) -> bool:
        """Whether there is a word at all."""
        return bool(label.strip())

    def detect(
        self, pictures: Sequence[Image.Image], labels: Sequence[Sequence[str]], least: float
    ) -> list[tuple[Detection, ...]]:
        """See `tasvir.models.detection.base.Detector.detect`."""
        require_rgb(pictures)
        found: list[tuple[Detection, ...]] = [()] * len(pictures)
        asked = [
            (tuple(dict.fromkeys(words)), each.size) for words, each in zip(labels, pictures, strict=True)
        ]
        for (words, _), places in alike(asked):
            if words:
                seen = self._look([pictures[index] for index in places], words, least)
                for index, each in zip(places, seen, strict=True):
                    found[index] = each
        return found

    @torch.no_grad()
    def _look(
        self, pictures: list[Image.Image], words: tuple[str, ...], least: float
    ) -> list[tuple[Detection, ...]]:
        texts = [list(words)] * len(pictures)
        processor = self._opened.processor
        inputs = processor(images=pictures, text=texts, return_tensors="pt", padding=True)
        outputs = self._opened.network(**inputs.to(self._opened.device, self._opened.dtype))
        sizes = [picture.size[::-1] for picture in pictures]
        own = {"input_ids": inputs["input_ids"], "text_threshold": least} if self._reads_ids else {}
        results = processor.post_process_grounded_object_detection(
            outputs, threshold=least, target_sizes=sizes, text_labels=texts, **own
        )
        return [
            _sorted(result, [asked_for(text, words) for text in result["text_labels"]], picture.size)
            for result, picture in zip(results, pictures, strict=True)
        ]


class ClosedDetector:
    """Finds things of the classes that it was trained on, whatever it is asked for.

    Args:
        model: Hub id or folder of a DETR, Deformable DETR, RT-DETR, YOLOS, ...
        load: How it is opened.
    """

    tells_colors = False
    threshold = 0.5

    def __init__(self, model: str, load: LoadSettings) -> None:
        self._opened = open_model(AutoModelForObjectDetection, "detector", model, load, AutoImageProcessor)
        self.identity = self._opened.identity
        self._names: dict[int, str] = {
            int(index): name.lower() for index, name in self._opened.network.config.id2label.items()
        }

    def knows(self, label: str) -> bool:
        """Whether it has a class of that name."""
        return label.lower() in self._names.values()

    @torch.no_grad()
    def detect(
        self,
        pictures: Sequence[Image.Image],
        labels: Sequence[Sequence[str]],  # noqa: ARG002 (it sees what it sees)
        least: float,
    ) -> list[tuple[Detection, ...]]:
        """See `tasvir.models.detection.base.Detector.detect`."""
        require_rgb(pictures)
        found: list[tuple[Detection, ...]] = [()] * len(pictures)
        for size, places in alike([picture.size for picture in pictures]):
            some = [pictures[index] for index in places]
            inputs = self._opened.processor(images=some, return_tensors="pt")
            outputs = self._opened.network(**inputs.to(self._opened.device, self._opened.dtype))
            results = self._opened.processor.post_process_object_detection(
                outputs, threshold=least, target_sizes=[size[::-1]] * len(some)
            )
            for index, result in zip(places, results, strict=True):
                names = [self._names[int(label)] for label in result["labels"]]
                found[index] = _sorted(result, names, size)
        return found


class HubDepthEstimator:
    """Relative inverse depth.

    Args:
        model: Hub id or folder of a MiDaS or DPT, or of a Depth Anything that was not tuned for metres.
        load: How it is opened.

    Raises:
        HubError: It gives distances in metres, which would turn near into far.
    """

    def __init__(self, model: str, load: LoadSettings) -> None:
        self._opened = open_model(AutoModelForDepthEstimation, "depth", model, load, AutoImageProcessor)
        self.identity = {
            **self._opened.identity,
            "scale": "inverse depth, least 0 and most 1 in each picture",
        }
        config = self._opened.network.config
        if config.model_type in METRIC or getattr(config, "depth_estimation_type", "relative") != "relative":
            raise HubError(
                f"{model} gives distances, the larger the farther: take a model of relative inverse depth "
                "(MiDaS, DPT, Depth Anything)"
            )

    @torch.no_grad()
    def depth(self, pictures: Sequence[Image.Image]) -> list[NDArray[np.float32]]:
        """See `tasvir.models.detection.base.DepthEstimator.depth`; a picture at a time, as sizes differ."""
        require_rgb(pictures)
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Image.Image) -> NDArray[np.float32]:
        inputs = self._opened.processor(images=[picture], return_tensors="pt")
        said = self._opened.network(**inputs.to(self._opened.device, self._opened.dtype))
        depth = said.predicted_depth.float()[:, None]
        sized = F.interpolate(depth, picture.size[::-1], mode="bilinear", align_corners=False)[0, 0]
        low, high = sized.min(), sized.max()
        scaled: NDArray[np.float32] = ((sized - low) / (high - low).clamp_min(1e-12)).cpu().numpy()
        return scaled


def alike(keys: Sequence[Key]) -> Iterator[tuple[Key, list[int]]]:
    """Places of equal keys, at most a batch each.

    Pictures of unlike sizes would be padded, and what is seen would depend on what else is looked at.
    """
    for key in dict.fromkeys(keys):
        places = [index for index, each in enumerate(keys) if each == key]
        for start in range(0, len(places), BATCH):
            yield key, places[start : start + BATCH]


def asked_for(text: str, words: Sequence[str]) -> str | None:
    """The word that was meant: Grounding DINO answers with whatever tokens of the question lit up."""
    if text in words:
        return text
    return next((word for word in words if text and (word in text or text in word)), None)


def _sorted(result: Any, labels: Sequence[str | None], size: tuple[int, int]) -> tuple[Detection, ...]:
    """Detections best first, boxes clipped to the picture; those of no area or name are left out."""
    width, height = size
    found = []
    for score, label, box in zip(result["scores"].tolist(), labels, result["boxes"].tolist(), strict=True):
        x0, x1 = (min(max(edge / width, 0.0), 1.0) for edge in box[::2])
        y0, y1 = (min(max(edge / height, 0.0), 1.0) for edge in box[1::2])
        if label is not None and x1 > x0 and y1 > y0:
            found.append(Detection(label, float(score), Box(x0, y0, x1, y1)))
    return tuple(sorted(found, key=lambda one: -one.score))
