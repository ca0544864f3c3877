"""Framing: things that were placed by their relations are enlarged and brought to the picture's middle.

A larger thing is easier to draw and to recognise, and things that huddle in a corner look like a mistake.
Moving and scaling everything alike keeps most relations; where one would suffer, less is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasvir.guide.embedded.parts import LARGEST, Part
from tasvir.guide.embedded.solving import Solver, looks

FILL = 0.9
"""Share of the picture's width and height that the things together may take."""
EDGE = 0.03
"""Room kept at the picture's edges."""
SLACK = 0.05
"""Cost (see `solving`) that enlarging may add: less than what revision takes for a fault."""


def frame(parts: Sequence[Part], solver: Solver) -> None:
    """Enlarge and centre parts in place, as far as relations and collisions get no worse than `SLACK`."""
    if not parts or any(part.frozen for part in parts):
        return
    most = _room(parts)
    before, allowed = looks(parts), solver.problem() * most + SLACK
    for factor in dict.fromkeys((most, 1 + (most - 1) / 2, 1.0)):
        for part, placed in zip(parts, before, strict=True):
            part.placed = placed
        _scale(parts, factor)
        _centre(parts)
        if solver.problem() <= allowed:
            return
    for part, placed in zip(parts, before, strict=True):
        part.placed = placed


def _union(parts: Sequence[Part]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = zip(*(part.box for part in parts), strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _room(parts: Sequence[Part]) -> float:
    """By how much everything may grow."""
    x0, y0, x1, y1 = _union(parts)
    sizes = [min(part.high, LARGEST) / part.scale for part in parts]
    return max(min(FILL / (x1 - x0), FILL / (y1 - y0), *sizes), 1.0)


def _scale(parts: Sequence[Part], factor: float) -> None:
    """Grow about the middle of the lower edge; `_centre` brings back what leaves the picture."""
    x0, _, x1, bottom = _union(parts)
    middle = (x0 + x1) / 2
    for part in parts:
        box = part.box
        shifted = [middle + (x - middle) * factor for x in (box[0], box[2])]
        raised = [bottom + (y - bottom) * factor for y in (box[1], box[3])]
        part.move((shifted[0], raised[0], shifted[1], raised[1]))


def _centre(parts: Sequence[Part]) -> None:
    x0, y0, x1, y1 = _union(parts)
    across = 0.5 - (x0 + x1) / 2
    down = max(EDGE - y0, 0.0) if y1 - y0 <= 1 - 2 * EDGE else 0.5 - (y0 + y1) / 2
    down += min(1 - EDGE - (y1 + down), 0.0)
    for part in parts:
        box = part.box
        part.move((box[0] + across, box[1] + down, box[2] + across, box[3] + down))
