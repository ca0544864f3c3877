"""A quick first draft: things one after the other, each where its first relation to a placed thing wants it.

Nobody looks twice: a second relation, the picture's edge or a neighbour may spoil what was just placed. That
is what revision is for (`solving`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from numpy.random import Generator

from tasvir.guide.embedded.parts import Link, Part
from tasvir.world.catalogue import catalogue
from tasvir.world.relations import HAND, HIP
from tasvir.world.scene import BoxTuple, Placed

_TRIES = 6
_MIRRORED = {"right of": "left of", "below": "above", "behind": "in front of"}


def draft(parts: Sequence[Part], links: Sequence[Link], rng: Generator) -> None:
    """Place all parts that are not frozen, those with placed partners first.

    Args:
        parts: Changed in place.
        links: Relations between them.
        rng: Chooses sides and gaps.
    """
    done = [i for i, part in enumerate(parts) if part.frozen]
    left = [i for i, part in enumerate(parts) if not part.frozen]
    left.sort(key=lambda i: -parts[i].box[3] + parts[i].box[1] - sum(i in link[1:] for link in links))
    while left:
        tied = [i for i in left if any({i, k} == {a, b} for _, a, b in links for k in done)]
        index = (tied or left)[0]
        _place(index, parts, done, links, rng)
        left.remove(index)
        done.append(index)


def _place(
    index: int, parts: Sequence[Part], done: Sequence[int], links: Sequence[Link], rng: Generator
) -> None:
    part = parts[index]
    others = [parts[k].box for k in done]
    tries = [_spot(index, parts, done, links, rng) for _ in range(_TRIES)]
    part.placed = min(tries, key=lambda p: sum(covered(p.box, box) for box in others))


def _spot(
    index: int, parts: Sequence[Part], done: Sequence[int], links: Sequence[Link], rng: Generator
) -> Placed:
    part = parts[index]
    for name, i, j in links:
        if i == index and j in done:
            x, y = _offset(name, part.placed, parts[j].placed, rng)
            return part.at(parts[j].box[0] + x, parts[j].box[1] + y)
        if j == index and i in done:
            x, y = _offset(name, parts[i].placed, part.placed, rng)
            return part.at(parts[i].box[0] - x, parts[i].box[1] - y)
    return free_spot(part, rng)


def free_spot(part: Part, rng: Generator) -> Placed:
    """Anywhere its kind is usually found."""
    width, height = part.box[2] - part.box[0], part.box[3] - part.box[1]
    low, high = base_range(part)
    base = rng.uniform(max(low, height), max(high, height))
    return part.at(rng.uniform(0.02, max(0.98 - width, 0.03)), base - height)


def base_range(part: Part) -> tuple[float, float]:
    """Between which heights the base of a kind usually is (0 top, 1 bottom)."""
    zone = part.kind.zone
    if zone == "sky":
        return 0.25, 0.62
    return (0.35, 0.96) if zone == "any" else (0.72, 0.97)


def covered(a: BoxTuple, b: BoxTuple) -> float:
    """Shared area as a share of the smaller box, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def _size(placed: Placed) -> tuple[float, float]:
    return placed.box[2] - placed.box[0], placed.box[3] - placed.box[1]


def _offset(name: str, a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    """Where a's top left corner goes, seen from b's."""
    if name in _MIRRORED:
        x, y = _offset(_MIRRORED[name], b, a, rng)
        return -x, -y
    return _OFFSETS[name](a, b, rng)


def _left_of(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (_, bh) = _size(a), _size(b)
    return -aw - rng.uniform(0.05, 0.15), bh - ah + rng.uniform(-0.03, 0.03)


def _above(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, _) = _size(a), _size(b)
    return (bw - aw) / 2 + rng.uniform(-0.1, 0.1), -ah - rng.uniform(0.04, 0.12)


def _next_to(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    gap = rng.uniform(0.02, 0.07)
    return (-aw - gap if rng.random() < 0.5 else bw + gap), bh - ah


def _in_front_of(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    shared = 0.55 * min(aw, bw)
    return (shared - aw if rng.random() < 0.5 else bw - shared), bh - ah + rng.uniform(0.08, 0.12)


def _inside(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    left, _, right, bottom = catalogue()[b.kind].inside or (0.0, 0.0, 1.0, 1.0)
    return (left + right) / 2 * bw - aw / 2 + rng.uniform(-0.02, 0.02), bottom * bh - ah - 0.01


def _on(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    base = HIP if a.pose == "sitting" else 1.0
    return bw * rng.uniform(0.25, 0.75) - aw / 2, (catalogue()[b.kind].top or 0.0) * bh - base * ah


def _under(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    return bw * rng.uniform(0.25, 0.75) - aw / 2, bh - ah


def _holding(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    slack = rng.uniform(-0.01, 0.01)
    grip = catalogue()[b.kind].grip or (0.5, 0.5)
    across = 1 - grip[0] if b.facing == "left" else grip[0]
    hand = 1 - HAND[0] if a.facing == "left" else HAND[0]
    return across * bw - hand * aw + slack, grip[1] * bh - HAND[1] * ah


def _riding(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    return bw * rng.uniform(0.45, 0.55) - aw / 2, (catalogue()[b.kind].ride or 0.0) * bh - HIP * ah


def _facing(a: Placed, b: Placed, rng: Generator) -> tuple[float, float]:
    (aw, ah), (bw, bh) = _size(a), _size(b)
    gap = rng.uniform(0.05, 0.2)
    return (bw + gap if a.facing == "left" else -aw - gap), bh - ah + rng.uniform(-0.03, 0.03)


_OFFSETS: Mapping[str, Callable[[Placed, Placed, Generator], tuple[float, float]]] = MappingProxyType(
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
