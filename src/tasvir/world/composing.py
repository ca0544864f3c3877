"""Pieces and wanted relations -> a scene: sizes, places and depth order by trying, never by optimising."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasvir.world.catalogue import Kind, catalogue
from tasvir.world.placing import Dice, Piece, cover, fit, offset
from tasvir.world.relations import RELATIONS, holds
from tasvir.world.scene import FACINGS, Relation, Scene

Claimed = tuple[str, int, int]
"""A wanted relation: name, index of the subject, index of the object."""

POSES_OF = {
    "holding": ("reaching",),
    "riding": ("sitting",),
    "walking towards": ("walking",),
    "running towards": ("running",),
    "on": ("sitting", "standing"),
}
"""Poses in which a person can be the subject of a relation; all poses for relations not listed."""
LOOKING = ("facing", "walking towards", "running towards")
SITTABLE = ("chair", "bench", "bed", "suitcase", "table", "box", "drum")
TRIES = 8
TOUCH = 0.08
"""Share of the smaller box that two things may share though nothing says that they overlap."""
DOUBTFUL = 0.45
"""Above this share a free thing is left out of a scene: the layout's rules ask for at most half."""
CLEAR = 0.2
"""Members of a counted group share at most this, so that they can be counted."""


def can_be(name: str, a: Kind, b: Kind) -> bool:
    """Whether things of two kinds can stand in a relation at all, and it would not look absurd."""
    person = a.category == "person"
    if name in ("holding", "walking towards", "running towards", "riding") and not person:
        return False
    if name == "holding":
        return b.holdable
    if name == "riding":
        return b.ride is not None
    if name == "facing":
        return a.directional
    if name == "inside":
        small = a.category not in ("building", "furniture") and a.height <= 0.8 * b.height
        return b.inside is not None and small and _sizes_fit(name, a, b)
    if name == "on":
        return b.top is not None and _can_stand_on(a, b) and _sizes_fit(name, a, b)
    if name == "under":
        return b.under is not None and a.category not in ("building", "plant") and _sizes_fit(name, a, b)
    return True


def _can_stand_on(a: Kind, b: Kind) -> bool:
    if a.category == "person":
        return b.name in SITTABLE
    light = a.height * a.aspect <= 1.1 * b.height * b.aspect and a.height <= 1.5 * b.height
    return light and a.category not in ("building", "vehicle") and a.height <= 0.42


def _sizes_fit(name: str, a: Kind, b: Kind) -> bool:
    subject, thing = Piece(a, a.color, low=0.75, high=1.2), Piece(b, b.color, low=0.8, high=1.35)
    return fit(name, subject, thing)


@cache
def subjects(name: str) -> dict[str, tuple[str, ...]]:
    """For each kind that can be the subject of a relation, the kinds that can be its object."""
    kinds = catalogue()
    table = {a: tuple(b for b in kinds if b != a and can_be(name, kinds[a], kinds[b])) for a in kinds}
    return {a: objects for a, objects in table.items() if objects}


@cache
def objects(name: str) -> dict[str, tuple[str, ...]]:
    """For each kind that can be the object of a relation, the kinds that can be its subject."""
    table = subjects(name)
    return {b: found for b in catalogue() if (found := tuple(a for a in table if b in table[a]))}


def prepare(name: str, piece: Piece, dice: Dice) -> bool:
    """Give a subject the pose that its relation asks for; False where it cannot take it."""
    poses = POSES_OF.get(name)
    if piece.kind.poses and poses and piece.pose not in poses:
        piece.pose = dice.pick(poses)
    if name in LOOKING and piece.facing is None:
        if not piece.kind.directional:
            return False
        piece.facing = dice.pick(FACINGS)
    return True


def compose(
    pieces: list[Piece],
    claims: Sequence[Claimed],
    dice: Dice,
    *,
    background: str,
    group: int = 0,
    crowded: bool = False,
    strict: bool = False,
) -> Scene | None:
    """Size and place the pieces so that the claims hold.

    Args:
        pieces: What shall be there, poses and facings as the claims need them.
        claims: Relations between pieces, placed in this order.
        dice: Source of draws.
        background: One of BACKGROUNDS.
        group: The first so many pieces are a counted group: equal in size, often in rows.
        crowded: Free things may cover each other.
        strict: None rather than a scene in which a claim does not hold or a thing found no room.

    Returns:
        The scene with the claims that hold, or None (without ``strict`` only where a whole group found no
        room).
    """
    for piece in pieces:
        piece.size_up(dice)
    for piece in pieces[1:group]:
        piece.aspect = pieces[0].aspect
        piece.resize(pieces[0].scale)
    tidy = dice.chance(0.5)
    for claim in claims:
        if not _enact(claim, pieces, dice, tidy) and strict:
            return None
    if group and not claims and dice.chance(0.75):
        _rows(pieces[:group], dice)
    if not _place_rest(pieces, dice, tidy, crowded, group) and (strict or group):
        return None
    return _scene(pieces, claims, dice, background, strict)


def _enact(claim: Claimed, pieces: list[Piece], dice: Dice, tidy: bool) -> bool:
    """Place the pair of a claim; False where there is no room."""
    name, a, b = pieces_of(claim, pieces)
    if a.placed and b.placed:
        return True
    others = [p for p in pieces if p.placed and p is not a and p is not b]
    if not a.placed and not b.placed:
        return fit(name, a, b) and _place_pair(name, a, b, others, dice, tidy)
    return _place_beside(name, a, b, others, dice)


def pieces_of(claim: Claimed, pieces: Sequence[Piece]) -> tuple[str, Piece, Piece]:
    """The name and the two pieces of a claim."""
    return claim[0], pieces[claim[1]], pieces[claim[2]]


def _place_pair(name: str, a: Piece, b: Piece, others: list[Piece], dice: Dice, tidy: bool) -> bool:
    best = 9.0
    spot: tuple[float, float, float, float] | None = None
    for _ in range(TRIES):
        dx, dy = offset(name, a, b, dice)
        left, top = min(0.0, dx), min(0.0, dy)
        spare_x = 1 - (max(b.w, dx + a.w) - left)
        spare_y = 1 - (max(b.h, dy + a.h) - top)
        if spare_x < 0 or spare_y < 0:
            continue
        x = -left + spare_x * dice.unit()
        y = -top + (max(spare_y - dice.between(0.02, 0.25), 0.0) if tidy else spare_y * dice.unit())
        b.put(x, y)
        a.put(x + dx, y + dy)
        cost = max((max(cover(p, a), cover(p, b)) for p in others), default=0.0)
        if cost < best:
            best, spot = cost, (x + dx, y + dy, x, y)
        if cost <= TOUCH:
            break
    a.placed = b.placed = False
    if spot is None or best > DOUBTFUL:
        return False
    a.put(spot[0], spot[1])
    b.put(spot[2], spot[3])
    return True


def _place_beside(name: str, a: Piece, b: Piece, others: list[Piece], dice: Dice) -> bool:
    """Place the one of two pieces that has no place yet."""
    new, fixed, sign = (b, a, -1.0) if a.placed else (a, b, 1.0)
    low, high = fixed.low, fixed.high
    fixed.low = fixed.high = fixed.scale
    fits = fit(name, a, b)
    fixed.low, fixed.high = low, high
    if not fits:
        return False
    best = 9.0
    spot = (0.0, 0.0)
    for attempt in range(2 * TRIES):
        if attempt == TRIES and best > 1.0:
            new.resize(new.scale * 0.75)
        dx, dy = offset(name, a, b, dice)
        x, y = fixed.x0 + sign * dx, fixed.y0 + sign * dy
        if x < 0 or y < 0 or x + new.w > 1 or y + new.h > 1:
            continue
        new.put(x, y)
        cost = max((cover(new, p) for p in others), default=0.0)
        if cost < best:
            best, spot = cost, (x, y)
        if cost <= TOUCH:
            break
    new.placed = False
    if best > DOUBTFUL:
        return False
    new.put(*spot)
    return True


def _place_rest(pieces: list[Piece], dice: Dice, tidy: bool, crowded: bool, group: int) -> bool:
    """Place what has no place; False where a thing found no room or a group is not equal and clear."""
    fine = True
    for index, piece in enumerate(pieces):
        scale = piece.scale
        if not piece.placed and not _place_free(piece, pieces, dice, tidy, crowded):
            fine = False
        elif index < group:
            fine = fine and piece.scale == scale and all(cover(piece, p) <= CLEAR for p in pieces[:index])
    return fine


def _place_free(piece: Piece, pieces: list[Piece], dice: Dice, tidy: bool, crowded: bool) -> bool:
    """Place a thing of which no relation says where; a smaller size is the last resort."""
    others = [p for p in pieces if p.placed]
    limit = dice.between(0.15, 0.4) if crowded else TOUCH
    best = 9.0
    spot = (0.0, 0.0)
    for _ in range(3):
        for _ in range(TRIES):
            piece.put(dice.unit() * (1 - piece.w), _feet(piece, dice, tidy))
            cost = max((cover(piece, p) for p in others), default=0.0)
            if cost < best:
                best, spot = cost, (piece.x0, piece.y0)
            if cost <= limit:
                return True
        if piece.scale <= piece.low:
            break
        if best > 0.3:
            best = 9.0
            piece.resize(piece.scale * 0.7)
        else:
            break
    piece.placed = False
    if best > DOUBTFUL:
        return False
    piece.put(*spot)
    return True


def _feet(piece: Piece, dice: Dice, tidy: bool) -> float:
    """A top edge: in the kind's zone, or anywhere."""
    spare = 1 - piece.h
    zone = piece.kind.zone
    if not tidy or zone == "any":
        return dice.unit() * spare
    if zone == "sky":
        return min(dice.between(0.02, 0.35), spare)
    return min(max(dice.between(0.68, 0.98) - piece.h, 0.0), spare)


def _rows(group: list[Piece], dice: Dice) -> None:
    """Place equal things in one row or in two."""
    number = len(group)
    while 2 * group[0].w > 0.98 or (number > 2 and 2 * group[0].h > 0.98):
        if group[0].scale <= group[0].low:
            return
        for piece in group:
            piece.resize(piece.scale * 0.92)
    width, height = group[0].w, group[0].h
    columns = number if width * number <= 0.98 else 2
    rows = -(-number // columns)
    step_x = width + dice.unit() * (1 - columns * width) / max(columns, 1)
    step_y = height + dice.unit() * (1 - rows * height) / max(rows, 1)
    x = dice.unit() * (1 - (columns - 1) * step_x - width)
    y = dice.unit() * (1 - (rows - 1) * step_y - height)
    for index, piece in enumerate(group):
        row, column = divmod(index, columns)
        jitter_x, jitter_y = dice.between(-0.03, 0.03), dice.between(-0.03, 0.03)
        piece.put(
            min(max(x + column * step_x + jitter_x, 0.0), 1 - piece.w),
            min(max(y + row * step_y + jitter_y, 0.0), 1 - piece.h),
        )


def _scene(
    pieces: list[Piece], claims: Sequence[Claimed], dice: Dice, background: str, strict: bool
) -> Scene | None:
    """Put the pieces into depth order and keep the claims that hold."""
    order = [i for i, p in enumerate(pieces) if p.placed]
    order.sort(key=lambda i: pieces[i].y0 + pieces[i].h)
    if not claims and dice.chance(0.06):
        order.reverse()
    for _ in range(3):
        for name, a, b in claims:
            nearer = RELATIONS[name].nearer
            if nearer is not None and a in order and b in order:
                _bring_forward(order, *((a, b) if nearer == "subject" else (b, a)))
    things = tuple(pieces[i].to_placed() for i in order)
    depth = {piece: place for place, piece in enumerate(order)}
    true = []
    for name, a, b in claims:
        if a in depth and b in depth:
            i, j = depth[a], depth[b]
            if holds(name, things[i], things[j], a_depth=i, b_depth=j):
                true.append(Relation(name, i, j))
    if not things or (strict and (len(true) < len(claims) or len(things) < len(pieces))):
        return None
    return Scene(things, tuple(true), background, int(dice.unit() * 2**31))


def _bring_forward(order: list[int], near: int, far: int) -> None:
    """Move ``near`` right after ``far`` where it comes before it."""
    if order.index(near) < order.index(far):
        order.remove(near)
        order.insert(order.index(far) + 1, near)
