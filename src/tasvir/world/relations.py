"""The world's relations as geometry: each is true or false of two placed things, its margins beside it.

Boxes are amodal and in fractions of the picture, y grows downward, "nearer" means later in depth order. "in
the direction" of a thing is where it faces. The margins leave a belt in which neither a relation nor its
opposite holds, so that small errors of a drawing do not turn the one into the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tasvir.errors import UnknownNameError
from tasvir.world.catalogue import catalogue
from tasvir.world.scene import BoxTuple, Placed

HAND = (0.93, 0.42)
"""Where the hand of a reaching person is in its box when it faces right (x, y)."""
HIP = 0.62
"""Height of a sitting person's hip in its box (0 top, 1 bottom)."""


@dataclass(frozen=True, slots=True)
class RelationRule:
    """One relation.

    Args:
        name: As in descriptions and captions.
        margin: The rule in words.
        test: (a, b, depth index of a, depth index of b) -> does it hold?
        nearer: Which of the two must be nearer for it to look right: "subject", "object" or None for either.
    """

    name: str
    margin: str
    test: Callable[[Placed, Placed, int, int], bool]
    nearer: str | None = None


def holds(name: str, a: Placed, b: Placed, *, a_depth: int, b_depth: int) -> bool:
    """Whether ``a`` is `name` ``b``.

    Args:
        name: One of RELATIONS.
        a: Subject.
        b: Object.
        a_depth: Place of a in depth order; greater = nearer.
        b_depth: Place of b.

    Raises:
        UnknownNameError: No relation has that name.
    """
    try:
        rule = RELATIONS[name]
    except KeyError:
        raise UnknownNameError(f"no relation is called {name!r}; there are {', '.join(RELATIONS)}") from None
    return rule.test(a, b, a_depth, b_depth)


def hand_point(person: Placed) -> tuple[float, float]:
    """Where the hand of a reaching person is in the picture (x, y)."""
    x0, y0, x1, y1 = person.box
    share = 1 - HAND[0] if person.facing == "left" else HAND[0]
    return x0 + share * (x1 - x0), y0 + HAND[1] * (y1 - y0)


def grip_point(thing: Placed) -> tuple[float, float] | None:
    """Where a thing is held (x, y), or None for a thing that nobody can hold."""
    grip = catalogue()[thing.kind].grip
    if grip is None:
        return None
    x0, y0, x1, y1 = thing.box
    share = 1 - grip[0] if thing.facing == "left" else grip[0]
    return x0 + share * (x1 - x0), y0 + grip[1] * (y1 - y0)


def shared_length(a0: float, a1: float, b0: float, b1: float) -> float:
    """Length that two intervals share."""
    return max(min(a1, b1) - max(a0, b0), 0.0)


def overlap_share(a: BoxTuple, b: BoxTuple, axis: int) -> float:
    """Shared extent along an axis (0 = x, 1 = y) as a share of the smaller of the two extents, 0 to 1."""
    smaller = min(a[axis + 2] - a[axis], b[axis + 2] - b[axis])
    return shared_length(a[axis], a[axis + 2], b[axis], b[axis + 2]) / smaller if smaller > 0 else 0.0


def _area(box: BoxTuple) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _shared_area(a: BoxTuple, b: BoxTuple) -> float:
    return shared_length(a[0], a[2], b[0], b[2]) * shared_length(a[1], a[3], b[1], b[3])


def _middle(box: BoxTuple, axis: int) -> float:
    return (box[axis] + box[axis + 2]) / 2


def _apart(a: Placed, b: Placed, axis: int) -> bool:
    step = _middle(b.box, axis) - _middle(a.box, axis)
    return step >= 0.10 and overlap_share(a.box, b.box, axis) <= 0.30


def _left_of(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    return _apart(a, b, 0)


def _right_of(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    return _apart(b, a, 0)


def _above(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    return _apart(a, b, 1)


def _below(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    return _apart(b, a, 1)


def _next_to(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    gap = max(a.box[0], b.box[0]) - min(a.box[2], b.box[2])
    level = overlap_share(a.box, b.box, 1) >= 0.50
    return level and gap <= 0.15 and overlap_share(a.box, b.box, 0) <= 0.20


def _in_front_of(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    covers = overlap_share(a.box, b.box, 0) >= 0.25 and _shared_area(a.box, b.box) > 0
    return a_depth > b_depth and covers and a.box[3] - b.box[3] >= 0.03


def _behind(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    return _in_front_of(b, a, b_depth, a_depth)


def _inside(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    if catalogue()[b.kind].inside is None or a_depth <= b_depth:
        return False
    return _shared_area(a.box, b.box) >= 0.70 * _area(a.box) and _area(a.box) <= 0.60 * _area(b.box)


def _over_middle(a: Placed, b: Placed) -> bool:
    return b.box[0] <= _middle(a.box, 0) <= b.box[2]


def _on(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    top = catalogue()[b.kind].top
    if top is None or not _over_middle(a, b):
        return False
    level = b.box[1] + top * (b.box[3] - b.box[1])
    if a.pose == "sitting":
        return abs(_hip(a) - level) <= 0.06
    return abs(a.box[3] - level) <= 0.05


def _hip(person: Placed) -> float:
    return person.box[1] + HIP * (person.box[3] - person.box[1])


def _under(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    under = catalogue()[b.kind].under
    if under is None or not _over_middle(a, b):
        return False
    room = b.box[1] + under * (b.box[3] - b.box[1])
    return a.box[1] >= room - 0.05 and a.box[3] <= b.box[3] + 0.06


def _holding(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    grip = grip_point(b)
    if a.pose != "reaching" or grip is None or b_depth <= a_depth or _area(b.box) > 0.70 * _area(a.box):
        return False
    x, y = hand_point(a)
    if (x - grip[0]) ** 2 + (y - grip[1]) ** 2 <= 0.05**2:
        return True
    return b.box[0] - 0.02 <= x <= b.box[2] + 0.02 and b.box[1] - 0.02 <= y <= b.box[3] + 0.02


def _riding(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    ride = catalogue()[b.kind].ride
    if a.pose != "sitting" or ride is None or a_depth <= b_depth:
        return False
    width, height = b.box[2] - b.box[0], b.box[3] - b.box[1]
    astride = abs(_middle(a.box, 0) - _middle(b.box, 0)) <= 0.35 * width
    return astride and abs(b.box[1] + ride * height - _hip(a)) <= 0.08


def _facing(a: Placed, b: Placed, _a_depth: int, _b_depth: int) -> bool:
    step = _middle(b.box, 0) - _middle(a.box, 0)
    if a.facing == "right":
        return step >= 0.08
    return a.facing == "left" and step <= -0.08


def _walking(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    return a.pose == "walking" and _facing(a, b, a_depth, b_depth)


def _running(a: Placed, b: Placed, a_depth: int, b_depth: int) -> bool:
    return a.pose == "running" and _facing(a, b, a_depth, b_depth)


_APART = "centres at least 0.10 apart in {} in that direction, shared {} at most 30 % of the {}"
_RULES = (
    RelationRule("left of", _APART.format("x", "width", "narrower"), _left_of),
    RelationRule("right of", _APART.format("x", "width", "narrower"), _right_of),
    RelationRule("above", _APART.format("y", "height", "shorter"), _above),
    RelationRule("below", _APART.format("y", "height", "shorter"), _below),
    RelationRule(
        "next to",
        "shared height at least 50 % of the shorter, gap in x at most 0.15, "
        "shared width at most 20 % of the narrower",
        _next_to,
    ),
    RelationRule(
        "in front of",
        "nearer, boxes meet, shared width at least 25 % of the narrower, base at least 0.03 lower",
        _in_front_of,
        "subject",
    ),
    RelationRule("behind", "the other is in front of it", _behind, "object"),
    RelationRule(
        "inside",
        "at least 70 % of its area in the other's box, at most 60 % of the other's area, nearer, "
        "the other has an opening",
        _inside,
        "subject",
    ),
    RelationRule(
        "on",
        "centre x within the other's box, base within 0.05 of its top "
        "(a sitting person: hip within 0.06 of it)",
        _on,
        "subject",
    ),
    RelationRule(
        "under",
        "centre x within the other's box, top at most 0.05 above the room under it, "
        "base at most 0.06 below its base",
        _under,
    ),
    RelationRule(
        "holding",
        "pose reaching, hand within 0.05 of the grip or in the other's box grown by 0.02, "
        "the other holdable, nearer and at most 70 % of the person's area",
        _holding,
        "object",
    ),
    RelationRule(
        "riding",
        "pose sitting, centre x in the middle 70 % of the other's box, hip within 0.08 of its seat, nearer",
        _riding,
        "subject",
    ),
    RelationRule("facing", "the other's centre is at least 0.08 away in x where it looks to", _facing),
    RelationRule("walking towards", "facing, in the pose walking", _walking),
    RelationRule("running towards", "facing, in the pose running", _running),
)
RELATIONS: Mapping[str, RelationRule] = MappingProxyType({rule.name: rule for rule in _RULES})
"""All relations by name."""
