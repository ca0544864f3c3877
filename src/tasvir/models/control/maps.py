"""Maps for ControlNets, painted from a layout: depth (near is bright) and segmentation (ADE20K's colours).

Things are painted back to front as filled boxes, so the nearest covers. Boxes are all that a layout knows: a
map says where and how near, not which outline.
"""

from __future__ import annotations

import colorsys
import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from PIL import Image, ImageDraw

from tasvir.records import Box, Layout

Color = tuple[int, int, int]
HORIZON, GROUND = 0, 90
"""Brightness of the background at the top and at the bottom: the ground comes nearer."""
FARTHEST, NEAREST = 120, 255
"""Brightness of the first and the last thing."""
UNNAMED: Color = (0, 0, 0)
"""A background that nobody named, or that is no class of ADE20K."""
_HEAD_ENDS = re.compile(r"\b(?:in|on|with|of|at|under|near|holding|wearing|riding|next|behind|beside)\b")
_GOLDEN = 0.618034


def depth_map(layout: Layout, size: tuple[int, int]) -> Image.Image:
    """Grey levels as RGB: a background that brightens downwards, on it the things, brighter the nearer.

    Args:
        layout: Things in depth order, farthest first.
        size: Width and height in pixels.
    """
    height = size[1]
    column = Image.new("L", (1, height))
    column.putdata([round(HORIZON + (GROUND - HORIZON) * y / max(height - 1, 1)) for y in range(height)])
    image = column.resize(size, Image.Resampling.NEAREST)
    last = max(len(layout.things) - 1, 1)
    for index, thing in enumerate(layout.things):
        nearness = index / last if len(layout.things) > 1 else 1.0
        image.paste(round(FARTHEST + (NEAREST - FARTHEST) * nearness), _pixels(thing.box, size))
    return image.convert("RGB")


def segmentation_map(layout: Layout, size: tuple[int, int]) -> Image.Image:
    """ADE20K's colour for every thing whose noun is known, a colour of its own for every other.

    Args:
        layout: Things in depth order, farthest first; the background's noun colours the rest.
        size: Width and height in pixels.
    """
    named = class_of(layout.background) if layout.background else None
    image = Image.new("RGB", size, _table()[0][named] if named else UNNAMED)
    draw = ImageDraw.Draw(image)
    strangers: dict[str, Color] = {}
    for thing in layout.things:
        named = class_of(thing.phrase)
        if named is None and thing.phrase not in strangers:
            strangers[thing.phrase] = _unused_color(len(strangers))
        left, top, right, bottom = _pixels(thing.box, size)
        color = strangers[thing.phrase] if named is None else _table()[0][named]
        draw.rectangle((left, top, right - 1, bottom - 1), fill=color)
    return image


MAPS: dict[str, Callable[[Layout, tuple[int, int]], Image.Image]] = {
    "depth": depth_map,
    "segmentation": segmentation_map,
}
"""By name."""


def class_of(phrase: str) -> str | None:
    """The class of a phrase's head noun, "a red car with a flag" -> "car"; None where it is not in the table.

    The head is the last known word before the first preposition; plurals in -s count.
    """
    colors, classes = _table()
    head = _HEAD_ENDS.split(phrase.lower(), maxsplit=1)[0]
    words: list[str] = re.findall(r"[a-z]+", head)
    for word in reversed(words):
        for form in (word, word.removesuffix("s"), word.removesuffix("es")):
            if form in colors:
                return form
            if form in classes:
                return classes[form]
    return None


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom, the latter two excluded; at least one pixel."""
    width, height = size
    left, top = min(round(box.x0 * width), width - 1), min(round(box.y0 * height), height - 1)
    return left, top, max(round(box.x1 * width), left + 1), max(round(box.y1 * height), top + 1)


def _unused_color(index: int) -> Color:
    """The index-th colour of a walk around the hues that is no class's colour."""
    taken = {UNNAMED, *_table()[0].values()}
    free = -1
    for step in range(len(taken) + index + 1):
        red, green, blue = colorsys.hsv_to_rgb(step * _GOLDEN % 1, 0.6, 0.8)
        color = (round(red * 255), round(green * 255), round(blue * 255))
        free += color not in taken
        if free == index:
            return color
    raise AssertionError("the walk is longer than what it avoids")


@cache
def _table() -> tuple[dict[str, Color], dict[str, str]]:
    """Class -> colour, and word -> class."""
    data: dict[str, Any] = tomllib.loads((files("tasvir.models.control") / "ade20k.toml").read_text("utf-8"))
    colors = {name: (red, green, blue) for name, (red, green, blue) in data["colors"].items()}
    return colors, {word: name for name, words in data["words"].items() for word in words}
