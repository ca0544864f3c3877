"""How far two placed things are from standing in a relation *safely*: well inside the margins of
`world.relations`.

A generator does not fill boxes to the pixel and a recogniser does not read them to the pixel; the distance
kept here from the documented margins is what both may waste.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tasvir.world.catalogue import catalogue
from tasvir.world.relations import HIP, grip_point, hand_point, overlap_share
from tasvir.world.scene import Placed

APART, LEVEL, GAP, COVERED = 0.16, 0.75, 0.08, 0.5
"""Centres of left of / above and facing at least so far apart; shared height and gap of next to; shared width
of in front of (margins: 0.10, 0.50, 0.15, 0.25). Boxes that only touch show no depth: corners are empty."""


def shortfall(name: str, a: Placed, b: Placed) -> float:
    """How much is missing until `a` is safely `name` `b`, in fractions of the picture's side; 0 = nothing."""
    return _SHORTFALLS[name](a, b)


def _over(value: float) -> float:
    return value if value > 0 else 0.0


def _width(p: Placed) -> float:
    return p.box[2] - p.box[0]


def _height(p: Placed) -> float:
    return p.box[3] - p.box[1]


def _step(a: Placed, b: Placed, axis: int) -> float:
    return (b.box[axis] + b.box[axis + 2] - a.box[axis] - a.box[axis + 2]) / 2


def _apart(a: Placed, b: Placed, axis: int) -> float:
    shared = _over(min(a.box[axis + 2], b.box[axis + 2]) - max(a.box[axis], b.box[axis]))
    return _over(APART - _step(a, b, axis)) + shared


def _next_to(a: Placed, b: Placed) -> float:
    gap = max(a.box[0], b.box[0]) - min(a.box[2], b.box[2])
    level = _over(LEVEL - overlap_share(a.box, b.box, 1)) * min(_height(a), _height(b))
    if level > 0:
        level += _over(max(a.box[1], b.box[1]) - min(a.box[3], b.box[3]))
    return level + _over(gap - GAP) + _over(-gap)


def _in_front_of(a: Placed, b: Placed) -> float:
    shared = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    meet = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    narrow = min(_width(a), _width(b))
    low = min(_height(a), _height(b))
    return _over(COVERED * narrow - shared) + _over(0.5 * low - meet) + _over(0.07 - (a.box[3] - b.box[3]))


def _inside(a: Placed, b: Placed) -> float:
    left, top, right, bottom = catalogue()[b.kind].inside or (0.0, 0.0, 1.0, 1.0)
    x0, y0, w, h = b.box[0], b.box[1], _width(b), _height(b)
    out = _over(x0 + left * w - a.box[0]) + _over(a.box[2] - x0 - right * w)
    out += _over(y0 + top * h - a.box[1]) + _over(a.box[3] - y0 - bottom * h)
    return out + _over(_width(a) * _height(a) - 0.5 * w * h)


def _on(a: Placed, b: Placed) -> float:
    level = b.box[1] + (catalogue()[b.kind].top or 0.0) * _height(b)
    base = a.box[1] + (HIP if a.pose == "sitting" else 1.0) * _height(a)
    return _over(abs(_step(a, b, 0)) - 0.28 * _width(b)) + _over(abs(base - level) - 0.015)


def _under(a: Placed, b: Placed) -> float:
    room = b.box[1] + (catalogue()[b.kind].under or 0.0) * _height(b)
    aside = _over(abs(_step(a, b, 0)) - 0.28 * _width(b))
    return aside + _over(room - a.box[1]) + _over(a.box[3] - b.box[3] - 0.03)


def _holding(a: Placed, b: Placed) -> float:
    grip = grip_point(b)
    if grip is None:
        return 1.0
    size = _over(_width(b) * _height(b) - 0.45 * _width(a) * _height(a))
    return _over(math.dist(hand_point(a), grip) - 0.015) + size


def _riding(a: Placed, b: Placed) -> float:
    seat = b.box[1] + (catalogue()[b.kind].ride or 0.0) * _height(b)
    hip = a.box[1] + HIP * _height(a)
    return _over(abs(_step(a, b, 0)) - 0.12 * _width(b)) + _over(abs(seat - hip) - 0.02)


def _facing(a: Placed, b: Placed) -> float:
    step = _step(a, b, 0)
    return _over(APART - (-step if a.facing == "left" else step))


_SHORTFALLS: Mapping[str, Callable[[Placed, Placed], float]] = MappingProxyType(
    {
        "left of": lambda a, b: _apart(a, b, 0),
        "right of": lambda a, b: _apart(b, a, 0),
        "above": lambda a, b: _apart(a, b, 1),
        "below": lambda a, b: _apart(b, a, 1),
        "next to": _next_to,
        "in front of": _in_front_of,
        "behind": lambda a, b: _in_front_of(b, a),
        "inside": _inside,
        "on": _on,
        "under": _under,
        "holding": _holding,
        "riding": _riding,
        "facing": _facing,
        "walking towards": _facing,
        "running towards": _facing,
    }
)
