"""Where things go so that a wanted relation holds: the geometry behind `sampler`, one offset rule a relation.

A relation is enacted by first making the two sizes fit each other (`fit`), then drawing an offset of the
subject's corner from the object's corner inside the relation's margins (`OFFSETS`), then finding room for
the pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from numpy.random import Generator

from tasvir.world.catalogue import Kind
from tasvir.world.relations import HAND, HIP
from tasvir.world.scene import Placed

Item = TypeVar("Item")

SMALLEST, LARGEST, NARROWEST = 0.16, 0.85, 0.10
"""Bounds of a thing in the picture: its height from, its height and width to, its width from."""
LOW, HIGH = 0.65, 1.5
"""Range of sizes as factors of the natural height."""
OPPOSITES = {"right of": "left of", "below": "above", "behind": "in front of"}
"""Relations enacted as their opposite with the roles changed."""


class Dice:
    """Uniform draws from a numpy generator, fetched in blocks because single draws are slow.

    Args:
        rng: Source of all draws.
    """

    __slots__ = ("_left", "_rng")

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self._left: list[float] = []

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        if not self._left:
            self._left = self._rng.random(96).tolist()
        return self._left.pop()

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def chance(self, share: float) -> bool:
        """True in that share of draws."""
        return self.unit() < share

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[int(self.unit() * len(items))]


class Piece:
    """A thing on its way into a scene: attributes first, then a size, then a place.

    Args:
        kind: What it is.
        color: Palette name.
        surface: One of SURFACES.
        pose: Pose or None.
        facing: "left", "right" or None.
        low: Smallest allowed size as a factor of the natural height.
        high: Largest allowed size.
    """

    __slots__ = (
        "aspect", "color", "facing", "h", "high", "kind", "low",
        "placed", "pose", "scale", "surface", "w", "x0", "y0",
    )  # fmt: skip

    def __init__(
        self,
        kind: Kind,
        color: str,
        surface: str = "plain",
        pose: str | None = None,
        facing: str | None = None,
        low: float = LOW,
        high: float = HIGH,
    ) -> None:
        self.kind, self.color, self.surface, self.pose, self.facing = kind, color, surface, pose, facing
        self.low, self.high = low, high
        self.aspect = kind.aspect
        self.x0 = self.y0 = 0.0
        self.placed = False
        self.resize(1.0)

    def size_up(self, dice: Dice) -> None:
        """Draw a size (log-uniform) and an aspect within 12 % of the drawing's."""
        self.aspect = self.kind.aspect * dice.between(0.89, 1.12)
        self.resize(self.low * math.exp(dice.unit() * math.log(self.high / self.low)))

    def resize(self, scale: float) -> None:
        """Take a size (factor of the natural height), clamped to the bounds of things in a picture."""
        self.scale = min(max(scale, self.low), self.high)
        height = min(max(self.kind.height * self.scale, SMALLEST), LARGEST)
        width = height * self.aspect
        if width < NARROWEST:
            width, height = NARROWEST, NARROWEST / self.aspect
        elif width > LARGEST:
            width, height = LARGEST, LARGEST / self.aspect
        self.w, self.h = width, height

    def put(self, x0: float, y0: float) -> None:
        """Give it a place (top left corner)."""
        self.x0, self.y0, self.placed = x0, y0, True

    def to_placed(self) -> Placed:
        """As the record of a scene; rounded to 4 digits."""
        x0, y0 = max(self.x0, 0.0), max(self.y0, 0.0)
        box = (round(x0, 4), round(y0, 4), round(min(x0 + self.w, 1.0), 4), round(min(y0 + self.h, 1.0), 4))
        return Placed(self.kind.name, box, self.color, self.surface, self.pose, self.facing)


def cover(a: Piece, b: Piece) -> float:
    """Shared area of two placed pieces as a share of the smaller one, 0 to 1."""
    width = min(a.x0 + a.w, b.x0 + b.w) - max(a.x0, b.x0)
    if width <= 0:
        return 0.0
    height = min(a.y0 + a.h, b.y0 + b.h) - max(a.y0, b.y0)
    if height <= 0:
        return 0.0
    return width * height / min(a.w * a.h, b.w * b.h)


def fit(name: str, a: Piece, b: Piece) -> bool:
    """Change two sizes, as little as the relation asks; False where their ranges do not allow it."""
    if name in OPPOSITES:
        return fit(OPPOSITES[name], b, a)
    if name == "inside":
        return _fit_inside(a, b)
    if name == "holding":
        return _yield(b, a, lambda: 0.65 * a.w * a.h - b.w * b.h) and a.w + b.w < 1.0
    if name == "under":
        under = b.kind.under or 0.0
        return _yield(a, b, lambda: min(1.1 * b.w - a.w, (1 - under) * b.h + 0.08 - a.h))
    if name == "in front of":
        return a.h + 0.16 < 1.0 and b.h + 0.04 < 1.0
    if name in ("on", "riding"):
        return _fit_upon(name, a, b)
    return _fit_apart(a, b, vertical=name == "above")


def _fit_upon(name: str, a: Piece, b: Piece) -> bool:
    """Sizes of a thing and what carries it: not much wider or higher, and together in the picture."""
    carrier = (b.kind.ride if name == "riding" else b.kind.top) or 0.0
    base = HIP if a.pose == "sitting" or name == "riding" else 1.0
    fits = _yield(a, b, lambda: 1.8 * b.h - a.h if name == "riding" else 1.15 * b.w - a.w)
    return fits and _yield(a, b, lambda: 0.97 - base * a.h - (1 - carrier) * b.h, grow=False)


def _fit_apart(a: Piece, b: Piece, vertical: bool) -> bool:
    """Sizes of two things that share no column (or no row) of the picture."""

    def room() -> float:
        return 0.95 - (a.h + b.h if vertical else a.w + b.w)

    return _yield(a, b, room, grow=False) and _yield(b, a, room, grow=False)


def _yield(a: Piece, b: Piece, room: Callable[[], float], grow: bool = True) -> bool:
    """Shrink a (then grow b, where allowed) in steps until there is room."""
    while room() < 0 and a.scale > a.low:
        a.resize(a.scale * 0.92)
    while grow and room() < 0 and b.scale < b.high:
        b.resize(b.scale * 1.08)
    return room() >= 0


def _fit_inside(a: Piece, b: Piece) -> bool:
    left, top, right, bottom = b.kind.inside or (0.0, 0.0, 0.0, 0.0)

    def room() -> float:
        spare = min((right - left) * b.w - a.w, (bottom - top) * b.h * 1.05 - a.h)
        return min(spare, 0.55 * b.w * b.h - a.w * a.h)

    return _yield(a, b, room)


def offset(name: str, a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    """Draw where a's top left corner is, seen from b's, so that `name` holds (or nearly always does)."""
    if name in OPPOSITES:
        x, y = offset(OPPOSITES[name], b, a, dice)
        return -x, -y
    return OFFSETS[name](a, b, dice)


def _level(a: Piece, b: Piece, dice: Dice, wild: float) -> float:
    """A y offset: bases about level, or (in the share `wild`) anywhere."""
    if dice.chance(wild):
        return dice.between(b.h - 1, 1 - a.h)
    return b.h - a.h + dice.between(-0.06, 0.06)


def _gap(a: float, b: float, dice: Dice) -> float:
    """Room between two extents along an axis; may be slightly negative."""
    smaller = min(a, b)
    least = max(-0.15 * smaller, 0.115 - (a + b) / 2)
    return dice.between(least, max(min(0.35, 1 - a - b), least))


def _left_of(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    return -a.w - _gap(a.w, b.w, dice), _level(a, b, dice, 0.4)


def _above(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    y = -a.h - _gap(a.h, b.h, dice)
    if dice.chance(0.4):
        return dice.between(b.w - 1, 1 - a.w), y
    return (b.w - a.w) / 2 + dice.between(-0.15, 0.15), y


def _next_to(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    gap = dice.between(-0.05 * min(a.w, b.w), 0.13)
    shorter = min(a.h, b.h)
    y = b.h - a.h + dice.between(-0.3, 0.3) * shorter
    return (-a.w - gap if dice.chance(0.5) else b.w + gap), y


def _in_front_of(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    y = b.h - a.h + dice.between(0.04, 0.15)
    if a.w < 0.6 * b.w and dice.chance(0.5):
        return dice.between(0.0, b.w - a.w), y
    shared = max(min(dice.between(0.3, 0.85) * min(a.w, b.w), 0.6 * b.w), 0.3 * min(a.w, b.w))
    return (shared - a.w if dice.chance(0.5) else b.w - shared), y


def _inside(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    left, top, right, bottom = b.kind.inside or (0.0, 0.0, 1.0, 1.0)
    low, high = top * b.h - (0.2 * a.h if top == 0 else 0.0), bottom * b.h - a.h
    if top > 0:
        low = max(low, high - 0.08)
    return dice.between(left * b.w, right * b.w - a.w), dice.between(min(low, high), high)


def _on(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    base = HIP if a.pose == "sitting" else 1.0
    y = (b.kind.top or 0.0) * b.h - base * a.h + dice.between(-0.02, 0.025)
    return b.w * dice.between(0.2, 0.8) - a.w / 2, y


def _under(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    low, high = (b.kind.under or 0.0) * b.h - 0.03, b.h + 0.04 - a.h
    return b.w * dice.between(0.2, 0.8) - a.w / 2, dice.between(max(low, high - 0.08), high)


def _holding(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    grip = b.kind.grip or (0.5, 0.5)
    hand = 1 - HAND[0] if a.facing == "left" else HAND[0]
    x = grip[0] * b.w - hand * a.w + dice.between(-0.015, 0.015)
    return x, grip[1] * b.h - HAND[1] * a.h + dice.between(-0.015, 0.015)


def _riding(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    y = (b.kind.ride or 0.0) * b.h - HIP * a.h + dice.between(-0.035, 0.035)
    return b.w * dice.between(0.35, 0.65) - a.w / 2, y


def _facing(a: Piece, b: Piece, dice: Dice) -> tuple[float, float]:
    gap = max(dice.between(-0.05, 0.4), 0.1 - (a.w + b.w) / 2)
    gap = min(gap, max(1 - a.w - b.w, 0.0))
    y = _level(a, b, dice, 0.2)
    return (b.w + gap if a.facing == "left" else -a.w - gap), y


OFFSETS: Mapping[str, Callable[[Piece, Piece, Dice], tuple[float, float]]] = MappingProxyType(
    {
        "left of": _left_of,
        "above": _above,
        "next to": _next_to,
        "in front of": _in_front_of,
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
"""Relation -> rule that draws the subject's corner seen from the object's corner."""
