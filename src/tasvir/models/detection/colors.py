"""Which colour a thing has, where the detector tells none: the likeliest text of a CLIP for its cut."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from PIL import Image

from tasvir.models.image_text.clip import open_clip
from tasvir.models.load import LoadSettings
from tasvir.records import Box

TEMPLATES = ("a photo of a {color} {noun}", "a {color} {noun}")
"""What the cut is compared with; the vectors of one colour are averaged."""


class ColorNamer:
    """Names colours by a CLIP; see the module.

    Args:
        model: Hub id or folder of a CLIP.
        load: How it is opened.
    """

    def __init__(self, model: str, load: LoadSettings) -> None:
        self._clip = open_clip(model, load)
        self.identity: dict[str, Any] = {"clip": self._clip.identity, "templates": list(TEMPLATES)}

    def name(self, picture: Image.Image, boxes: Sequence[Box], noun: str, colors: Sequence[str]) -> list[str]:
        """The colour of each thing, one of those given.

        Args:
            picture: RGB.
            boxes: Of things of one noun, in fractions.
            noun: What they are.
            colors: What to choose from.
        """
        if not boxes:
            return []
        texts = [form.format(color=color, noun=noun) for color in colors for form in TEMPLATES]
        vectors = self._clip.embed_texts(texts).reshape(len(colors), len(TEMPLATES), -1).mean(1)
        likeness = self._clip.embed_pictures([_cut(picture, box) for box in boxes]) @ vectors.T
        return [colors[index] for index in likeness.argmax(1)]


@cache
def open_colors(model: str, load: LoadSettings) -> ColorNamer:
    """One a process; see `ColorNamer`."""
    return ColorNamer(model, load)


def _cut(picture: Image.Image, box: Box) -> Image.Image:
    """At least one pixel."""
    width, height = picture.size
    left, top = min(int(box.x0 * width), width - 1), min(int(box.y0 * height), height - 1)
    right, bottom = max(round(box.x1 * width), left + 1), max(round(box.y1 * height), top + 1)
    return picture.crop((left, top, right, bottom))
