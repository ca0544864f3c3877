"""One caption a scene: what the captioner learns to write, in the usual words and a fixed order.

`captions.caption` says the same scene in a thousand ways; a captioner that learns from those writes what is
likeliest of them, and that is short. Here what is seen decides on every word, but for sizes and sides, which
are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasvir.world.catalogue import catalogue
from tasvir.world.composing import POSES_OF
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.relations import holds
from tasvir.world.scene import Placed, Scene
from tasvir.world.wording import BACKGROUND_WORDINGS, RELATION_WORDINGS
from tasvir.world.writing import noun_phrase

CLOSE = ("holding", "riding", "inside", "on", "under", "walking towards", "running towards")
"""Relations that are said wherever they hold, at most MOST of them."""
LOOSE = ("left of", "above", "below", "in front of", "behind")
"""Of two single things one of these is said where no close one holds, the left thing first."""
MOST = 2


def plain_caption(scene: Scene) -> tuple[str, Description]:
    """The caption of a scene and what it claims; things stand in it from left to right."""
    groups = sorted(_groups(scene.things), key=lambda group: _middle(scene.things[group[0]]))
    claims = list(_claims(scene.things, groups))
    related = [g for _, a, b in claims for g in (a, b)]
    order = [*related, *(g for g in range(len(groups)) if g not in related)]
    entities = [_entity([scene.things[i] for i in groups[g]], _implied(g, claims)) for g in order]
    clauses = []
    for number, (name, a, _) in enumerate(claims):
        subject, thing = entities[2 * number], entities[2 * number + 1]
        posed = name == "on" and subject.pose is not None
        link = _wording(name, scene.things[groups[a][0]].pose if posed else None)
        clauses.append(f"{noun_phrase(subject, skip_pose=posed)} is {link} {noun_phrase(thing)}")
    listed = [noun_phrase(entity) for entity in entities[len(related) :]]
    if listed:
        clauses.append(" and ".join(part for part in (", ".join(listed[:-1]), listed[-1]) if part))
    body = ", and ".join(clauses)
    text = f"{body} {_place(scene.background, body)}"
    stated = tuple(Claim(name, 2 * n, 2 * n + 1) for n, (name, _, _) in enumerate(claims))
    return text, Description(tuple(entities), stated, (), scene.background)


def _groups(things: Sequence[Placed]) -> list[tuple[int, ...]]:
    """Indices of things, equal ones together."""
    found: dict[tuple[str, str, str, str | None], list[int]] = {}
    for index, thing in enumerate(things):
        found.setdefault((thing.kind, thing.color, thing.surface, thing.pose), []).append(index)
    return [tuple(group) for group in found.values()]


def _middle(thing: Placed) -> float:
    return thing.box[0] + thing.box[2]


def _claims(things: Sequence[Placed], groups: Sequence[tuple[int, ...]]) -> Iterator[tuple[str, int, int]]:
    """Relations between single things, no thing twice: name and the two groups."""
    single = [g for g, group in enumerate(groups) if len(group) == 1]
    pairs = [(a, b) for a in single for b in single if a != b]
    used: set[int] = set()
    for name in CLOSE:
        for a, b in pairs:
            if len(used) < 2 * MOST and not {a, b} & used and _holds(name, a, b, things, groups):
                used |= {a, b}
                yield name, a, b
    if not used and len(groups) == len(single) == 2:
        for name in LOOSE:
            if _holds(name, 0, 1, things, groups):
                yield name, 0, 1
                return


def _holds(name: str, a: int, b: int, things: Sequence[Placed], groups: Sequence[tuple[int, ...]]) -> bool:
    i, j = groups[a][0], groups[b][0]
    return holds(name, things[i], things[j], a_depth=i, b_depth=j)


def _implied(group: int, claims: Sequence[tuple[str, int, int]]) -> bool:
    """Whether a claim says its subject's pose already."""
    return any(a == group and name in POSES_OF and name != "on" for name, a, _ in claims)


def _entity(things: Sequence[Placed], posed: bool) -> Entity:
    first = things[0]
    surface = first.surface if catalogue()[first.kind].surfaces and first.surface != "plain" else None
    return Entity(first.kind, first.color, surface, None, None if posed else first.pose, None, len(things))


def _wording(name: str, pose: str | None) -> str:
    fitting = [w for w in RELATION_WORDINGS if w.name == name and not w.finite]
    return next((w.text for w in fitting if w.pose == pose), fitting[0].text)


def _place(background: str, body: str) -> str:
    """The usual wording of a background; "sitting on ..." would read as a relation."""
    posed = body.endswith((" sitting", " standing"))
    return next(w for w in BACKGROUND_WORDINGS[background] if not (posed and w.startswith("on ")))
