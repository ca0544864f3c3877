"""Layouts as labelled rectangles for an SVG: where each box and its label go, and which colour a phrase has.

Coordinates are in units of a view 1000 wide and 1000 * height / width high.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasvir.records import Box, Layout

VIEW_WIDTH = 1000.0
LABEL_HEIGHT = 54.0
_LETTER = 19.0
_MAX_LETTERS = 34
COLORS = ("#1d4ed8", "#c2410c", "#15803d", "#a21caf", "#b91c1c", "#0f766e", "#854d0e", "#4338ca")
"""White text on each of them has a contrast of at least 4.5."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in view units."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Rect) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """One thing of a layout, ready to draw.

    Args:
        rect: The box.
        label: Where the phrase is written.
        text: The phrase, shortened if long.
        phrase: The whole phrase.
        color: Of the outline and the label.
        ghost: Where the same thing was in the layout before, if it was elsewhere.
    """

    rect: Rect
    label: Rect
    text: str
    phrase: str
    color: str
    ghost: Rect | None = None


def colors_of(layouts: Iterable[Layout]) -> dict[str, str]:
    """A colour for every phrase, in the order they are met; they repeat after eight."""
    phrases = dict.fromkeys(thing.phrase for layout in layouts for thing in layout.things)
    return {phrase: COLORS[index % len(COLORS)] for index, phrase in enumerate(phrases)}


def draw_boxes(
    layout: Layout, colors: dict[str, str], view_height: float = VIEW_WIDTH, before: Layout | None = None
) -> tuple[DrawnBox, ...]:
    """Place the boxes and labels of a layout, farthest first; labels avoid each other where there is room.

    Args:
        layout: What to draw.
        colors: From `colors_of`.
        view_height: Height of the view; its width is 1000.
        before: The layout before this one: things that moved get a ghost.
    """
    ghosts = _ghosts(layout, before, view_height)
    taken: list[Rect] = []
    drawn = []
    for index, thing in enumerate(layout.things):
        rect = _rect(thing.box, view_height)
        text = _shorten(thing.phrase)
        label = _place_label(rect, len(text) * _LETTER + 24, view_height, taken)
        taken.append(label)
        drawn.append(DrawnBox(rect, label, text, thing.phrase, colors[thing.phrase], ghosts[index]))
    return tuple(drawn)


def _rect(box: Box, view_height: float) -> Rect:
    return Rect(
        round(box.x0 * VIEW_WIDTH, 1),
        round(box.y0 * view_height, 1),
        round(box.width * VIEW_WIDTH, 1),
        round(box.height * view_height, 1),
    )


def _shorten(phrase: str) -> str:
    return phrase if len(phrase) <= _MAX_LETTERS else phrase[: _MAX_LETTERS - 1].rstrip() + "…"


def _place_label(rect: Rect, width: float, view_height: float, taken: list[Rect]) -> Rect:
    """The first free place of: inside the top, above, below, inside the bottom, down the box, the top."""
    x = round(min(max(rect.x, 0.0), max(VIEW_WIDTH - width, 0.0)), 1)
    bottom = rect.y + rect.height
    tops = [rect.y, rect.y - LABEL_HEIGHT, bottom, bottom - LABEL_HEIGHT]
    tops += [rect.y + LABEL_HEIGHT * step for step in (1, 2, 3)]
    places = [Rect(x, round(y, 1), width, LABEL_HEIGHT) for y in tops if 0 <= y <= view_height - LABEL_HEIGHT]
    free = [place for place in places if not any(place.meets(other) for other in taken)]
    inside = Rect(x, min(max(rect.y, 0.0), view_height - LABEL_HEIGHT), width, LABEL_HEIGHT)
    return (free or places or [inside])[0]


def _ghosts(layout: Layout, before: Layout | None, view_height: float) -> list[Rect | None]:
    """For each thing, its earlier box if the n-th thing of that phrase was somewhere else."""
    if before is None:
        return [None] * len(layout.things)
    earlier: dict[str, list[Box]] = {}
    for thing in before.things:
        earlier.setdefault(thing.phrase, []).append(thing.box)
    ghosts: list[Rect | None] = []
    for thing in layout.things:
        boxes = earlier.get(thing.phrase)
        box = boxes.pop(0) if boxes else None
        ghosts.append(None if box is None or box == thing.box else _rect(box, view_height))
    return ghosts
