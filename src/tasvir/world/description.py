"""What a text claims about a picture, as data, and how much of it is true of given things.

A description is checked predicate by predicate: one for each entity (is such a thing there?), each stated
attribute, each count of two or more, each relation and each absence. Entities are matched to different
things so that as many predicates as possible hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from tasvir.errors import RecordError
from tasvir.world.catalogue import catalogue
from tasvir.world.relations import RELATIONS, holds
from tasvir.world.scene import Placed

SMALL, LARGE = 0.82, 1.18
"""A thing is small up to, and large from, this factor of its kind's natural height."""
MAX_MATCHES = 20_000
"""Upper bound of the matches of entities to things that are tried; 4 entities need far fewer."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing, or a counted group of equal things, that a text mentions; None = the text does not say.

    Args:
        kind: Name in the catalogue.
        color: Name in the palette.
        surface: "plain", "striped" or "dotted".
        size: "small" or "large" against the kind's natural height.
        pose: For people.
        facing: "left" or "right".
        count: 1 = at least one; n >= 2 = exactly n with these attributes.
    """

    kind: str
    color: str | None = None
    surface: str | None = None
    size: str | None = None
    pose: str | None = None
    facing: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """Relation ``name`` holds between two entities (indices); for a group it holds for each member."""

    name: str
    subject: int
    object: int


@dataclass(frozen=True, slots=True)
class Description:
    """Everything that a text claims.

    Args:
        entities: In the order of their first mention.
        claims: In the order of the text.
        absent: Things that must not be there.
        background: One of BACKGROUNDS, or None where the text does not say.
    """

    entities: tuple[Entity, ...]
    claims: tuple[Claim, ...] = ()
    absent: tuple[Entity, ...] = ()
    background: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; what a text does not say is left out."""
        data: dict[str, Any] = {"entities": [_entity_to_dict(e) for e in self.entities]}
        if self.claims:
            data["claims"] = [[c.name, c.subject, c.object] for c in self.claims]
        if self.absent:
            data["absent"] = [_entity_to_dict(e) for e in self.absent]
        if self.background is not None:
            data["background"] = self.background
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            RecordError: A field is missing, has another type or names a kind or relation that does not exist.
        """
        try:
            entities = tuple(Entity(**e) for e in data["entities"])
            claims = tuple(Claim(str(n), int(s), int(o)) for n, s, o in data.get("claims", ()))
            absent = tuple(Entity(**e) for e in data.get("absent", ()))
        except (KeyError, TypeError, ValueError) as problem:
            raise RecordError(
                f"not a description: {problem!r}; expected {{'entities': [{{'kind': ...}}, ...], "
                "'claims': [[name, subject, object], ...]}"
            ) from problem
        _check_names(entities + absent, claims, len(entities))
        return cls(entities, claims, absent, data.get("background"))

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            RecordError: Not JSON, or not a description.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as problem:
            raise RecordError(f"not a description: {problem}") from problem
        return cls.from_dict(data)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found true.

    Args:
        predicates: (the predicate in words, whether it holds).
        matched: For each entity the indices of the things it was matched to; empty where none.
    """

    predicates: tuple[tuple[str, bool], ...]
    matched: tuple[tuple[int, ...], ...] = ()

    @property
    def all_true(self) -> bool:
        return all(true for _, true in self.predicates)

    @property
    def share(self) -> float:
        """Share of the predicates that hold, 0 to 1; 1 where nothing is claimed."""
        return sum(true for _, true in self.predicates) / len(self.predicates) if self.predicates else 1.0


def size_of(thing: Placed) -> str | None:
    """Its size, "small" or "large", where a thing's height says so, else None."""
    ratio = (thing.box[3] - thing.box[1]) / catalogue()[thing.kind].height
    if ratio <= SMALL:
        return "small"
    return "large" if ratio >= LARGE else None


def attributes_true(entity: Entity, thing: Placed) -> dict[str, bool]:
    """For each attribute that the entity states, whether the thing has it: {"color": True, ...}."""
    found: dict[str, bool] = {}
    if entity.color is not None:
        found["color"] = thing.color == entity.color
    if entity.surface is not None:
        found["surface"] = thing.surface == entity.surface
    if entity.size is not None:
        found["size"] = size_of(thing) == entity.size
    if entity.pose is not None:
        found["pose"] = thing.pose == entity.pose
    if entity.facing is not None:
        found["facing"] = thing.facing == entity.facing
    return found


def fits(entity: Entity, thing: Placed) -> bool:
    """Whether a thing is of the entity's kind and has all stated attributes."""
    return thing.kind == entity.kind and all(attributes_true(entity, thing).values())


def check(description: Description, things: Sequence[Placed], background: str | None = None) -> Outcome:
    """Compare a description with things.

    Args:
        description: What is claimed.
        things: In depth order, farthest first.
        background: What is behind them, or None where nobody knows; then a claimed background is not checked.

    Returns:
        Every predicate with its truth under the match of entities to things that makes most of them true.
    """
    fixed = [*_counts(description, things), *_absences(description, things)]
    if description.background is not None and background is not None:
        fixed.append((f"in {description.background}", description.background == background))
    best: list[tuple[str, bool]] = []
    best_match: tuple[tuple[int, ...], ...] = ()
    most = -1
    for number, match in enumerate(_matches(description, things)):
        if number >= MAX_MATCHES:
            break
        predicates = _judge(description, things, match)
        true = sum(holds_ for _, holds_ in predicates)
        if true > most:
            most, best, best_match = true, predicates, match
        if true == len(predicates):
            break
    return Outcome((*best, *fixed), best_match)


def _matches(description: Description, things: Sequence[Placed]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All ways to give entities their things: single ones one thing each, groups all that fit."""
    pools = [_pool(entity, things) for entity in description.entities]
    groups = {
        index: tuple(i for i in pools[index] if fits(e, things[i])) or tuple(pools[index])
        for index, e in enumerate(description.entities)
        if e.count >= 2
    }

    def extend(
        index: int, chosen: tuple[tuple[int, ...], ...], used: frozenset[int]
    ) -> Iterator[tuple[tuple[int, ...], ...]]:
        if index == len(pools):
            yield chosen
            return
        if index in groups:
            members = tuple(i for i in groups[index] if i not in used)
            yield from extend(index + 1, (*chosen, members), used | set(members))
            return
        free = [i for i in pools[index] if i not in used]
        for thing in free:
            yield from extend(index + 1, (*chosen, (thing,)), used | {thing})
        if not free or len(pools[index]) < _rivals(description, index):
            yield from extend(index + 1, (*chosen, ()), used)

    return extend(0, (), frozenset())


def _pool(entity: Entity, things: Sequence[Placed]) -> list[int]:
    """Things of the kind, those with more of the stated attributes first."""
    same = [i for i, thing in enumerate(things) if thing.kind == entity.kind]
    return sorted(same, key=lambda i: -sum(attributes_true(entity, things[i]).values()))


def _rivals(description: Description, index: int) -> int:
    """How many entities want things of this entity's kind."""
    kind = description.entities[index].kind
    return sum(entity.kind == kind for entity in description.entities)


def _judge(
    description: Description, things: Sequence[Placed], match: tuple[tuple[int, ...], ...]
) -> list[tuple[str, bool]]:
    predicates: list[tuple[str, bool]] = []
    for entity, members in zip(description.entities, match, strict=True):
        predicates.append((_indefinite(entity.kind), bool(members)))
        for name in _stated(entity):
            true = bool(members) and all(attributes_true(entity, things[i])[name] for i in members)
            predicates.append((f"{entity.kind}: {name} {getattr(entity, name)}", true))
    for claim in description.claims:
        subjects, objects = match[claim.subject], match[claim.object]
        pairs = [(i, j) for i in subjects for j in objects]
        true = bool(pairs) and all(
            holds(claim.name, things[i], things[j], a_depth=i, b_depth=j) for i, j in pairs
        )
        kinds = description.entities[claim.subject].kind, description.entities[claim.object].kind
        predicates.append((f"{kinds[0]} {claim.name} {kinds[1]}", true))
    return predicates


def _counts(description: Description, things: Sequence[Placed]) -> list[tuple[str, bool]]:
    return [
        (f"exactly {e.count} of {_worded(e)}", sum(fits(e, thing) for thing in things) == e.count)
        for e in description.entities
        if e.count >= 2
    ]


def _absences(description: Description, things: Sequence[Placed]) -> list[tuple[str, bool]]:
    return [(f"no {_worded(e)}", not any(fits(e, thing) for thing in things)) for e in description.absent]


def _stated(entity: Entity) -> list[str]:
    return [n for n in ("color", "surface", "size", "pose", "facing") if getattr(entity, n) is not None]


def _worded(entity: Entity) -> str:
    return " ".join([*(str(getattr(entity, name)) for name in _stated(entity)), entity.kind])


def _indefinite(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _entity_to_dict(entity: Entity) -> dict[str, Any]:
    kept = {key: value for key, value in asdict(entity).items() if value is not None}
    if entity.count == 1:
        del kept["count"]
    return kept


def _check_names(entities: Sequence[Entity], claims: Sequence[Claim], number: int) -> None:
    for entity in entities:
        if entity.kind not in catalogue():
            raise RecordError(f"not a description: the picture world has no {entity.kind!r}")
    for claim in claims:
        if claim.name not in RELATIONS:
            raise RecordError(f"not a description: no relation is called {claim.name!r}")
        if not (0 <= claim.subject < number and 0 <= claim.object < number):
            raise RecordError(
                f"not a description: a claim names entity {claim.subject} or {claim.object} of {number}"
            )
