"""Scenes in words: captions with what they claim, and phrases for single things.

The language (upper-case names are tables of `world.wording` or names in the catalogue and palette; [x] =
optional, {x} = zero or more, | = or). Text is lower case, words parted by spaces, a comma is glued to the
word before it; a full stop may end it.

    text      = [ BACKGROUND "," ] body { absence } [ BACKGROUND ] { absence }
              | BACKGROUND_NOUN "with" list { absence }          "a park with a dog and two cats"
              | BACKGROUND_NOUN absence                          "a park without dogs"
    body      = clause { joiner clause }
    joiner    = "and" | "," | ", and" | "while" | ", while"
    clause    = list                                             "two red balls, a dog and a cat"
              | "there is" list | "there are" list
              | subject link { "and" link }                      "a woman is holding a kite and facing a dog"
              | [ "there is" ] np link                           "there is a cat behind it"
              | RELATION object ( "there is" | "there are" ) np  "behind a bus there is a dog": dog behind
              | subject [ "is" | "are" ] state                   "the dog is facing left"
    link      = [ "is" | "are" ] RELATION object [ that RELATION object ]
                                                                 "left of a cat that is behind a bus"
              | RELATION_FINITE object                           "holds a kite"
    that      = ( "that" | "who" ) ( "is" | "are" )              "who" of people
    state     = SIDE | POSE                                      (adds to the entity)
    subject   = np | definite | "it"
    object    = np | definite | pronoun
    list      = np { "," np } [ [ "," ] "and" np ]
    absence   = ABSENCE absent { ( "or" | "and" ) absent }       "without dogs", "and no cats or dogs"
    absent    = [ "a" | "an" ] { adjective } ( KIND | PLURAL )
    np        = ( "a" | "an" ) { adjective } KIND { tail }       people have no colour adjective in captions
              | NUMBER { adjective } PLURAL { tail }             two, three, four (a reader may take digits)
    definite  = "the" { adjective } ( KIND | PLURAL )
    pronoun   = "it" | "him" | "her" | "them"
    adjective = SIZE | "plain" | COLOUR | "striped" | "dotted"   captions keep this order
    tail      = CLOTHES COLOUR | POSE | [ "," ] SIDE             "a woman in blue walking, facing left"

Reading rules. Longest wording wins ("on the left of" before "on", "walking towards" before the pose
"walking", "in a park" = background before "in" = inside; "in" + colour = clothes).
A relation's subject is the np right before it; after "and" (no np between) it is the subject of the same
clause; "that is" takes the np before it. Its object is one np: in "a dog left of a cat and a bus" the bus is
a new entity. "the dog" is the entity of that kind (and adjectives) mentioned before. "her"/"him" is the
woman or girl / man or boy mentioned last; "it" is, within the clause before (or the same list), the
last-mentioned entity that is not a person; "them" the last-mentioned group. Captions use a pronoun only
where a single mentioned entity fits it. Entities are numbered by first mention; claims stand in the order of
the text. "sitting on" = pose sitting + claim "on". A group's claim holds for each of its members.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from numpy.random import Generator

from tasvir.world.catalogue import catalogue, palette
from tasvir.world.composing import LOOKING, POSES_OF
from tasvir.world.description import Claim, Description, Entity, fits, size_of
from tasvir.world.placing import Dice
from tasvir.world.relations import RELATIONS, holds
from tasvir.world.scene import Placed, Scene
from tasvir.world.wording import (
    ABSENCE,
    BACKGROUND_NOUNS,
    BACKGROUND_WORDINGS,
    CLOTHES,
    FACING_WORDINGS,
    NUMBERS,
    POSE_WORDINGS,
    PRONOUNS,
    RELATION_WORDINGS,
    SIZES,
)
from tasvir.world.writing import noun_phrase, write

_FIXED_WORDS = "a an the there is are and while with or that who it them plain striped dotted"

VOCABULARY: frozenset[str]
"""All lower-case words that captions and phrases can hold (the same as `vocabulary()`)."""


@cache
def vocabulary() -> frozenset[str]:
    """All lower-case words that captions and phrases can hold."""
    texts = [_FIXED_WORDS, *CLOTHES, *ABSENCE, *PRONOUNS.values(), *BACKGROUND_NOUNS.values(), *palette()]
    for table in (BACKGROUND_WORDINGS, NUMBERS, SIZES, POSE_WORDINGS, FACING_WORDINGS):
        texts += [text for wordings in table.values() for text in wordings]
    texts += [wording.text for wording in RELATION_WORDINGS]
    texts += [word for kind in catalogue().values() for word in (kind.name, kind.plural)]
    return frozenset(word for text in texts for word in text.split())


def __getattr__(name: str) -> frozenset[str]:
    if name == "VOCABULARY":
        return vocabulary()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def phrase(placed: Placed, rng: Generator | None = None) -> str:
    """One thing in words, for a layout: "a red striped ball", "a woman in blue walking, facing left".

    Args:
        placed: The thing.
        rng: Leaves some attributes out (a natural colour, a facing, a pose), adds the size and varies the
            words; None states colour, surface, pose and facing in the usual words.
    """
    if rng is None:
        surface = None if placed.surface == "plain" else placed.surface
        return noun_phrase(Entity(placed.kind, placed.color, surface, None, placed.pose, placed.facing))
    dice = Dice(rng)
    return noun_phrase(_entity((placed,), dice, facing=0.6, pose=0.85), dice)


def caption(scene: Scene, rng: Generator) -> tuple[str, Description]:
    """A scene in words and what the words claim, all of it true.

    Args:
        scene: What to describe.
        rng: Chooses what is mentioned and how.

    Returns:
        The text (lower case, no full stop) and its description, entities in the order of mention.
    """
    dice = Dice(rng)
    return write(_describe(scene, dice), dice)


def _describe(scene: Scene, dice: Dice) -> Description:
    things = scene.things
    groups = _groups(things)
    claims = _claims(scene, groups, dice)
    related = {g for _, a, b in claims for g in (a, b)}
    if len(groups) > 1 and dice.chance(0.2):
        dropped = dice.pick(range(len(groups)))
        shown = [g for g in range(len(groups)) if g != dropped or g in related]
    else:
        shown = list(range(len(groups)))
    for place in range(len(shown) - 1, 0, -1):
        other = int(dice.unit() * (place + 1))
        shown[place], shown[other] = shown[other], shown[place]
    members = [tuple(things[i] for i in groups[g]) for g in shown]
    entities = tuple(_stated(group, g, claims, things, dice) for group, g in zip(members, shown, strict=True))
    place_of = {g: place for place, g in enumerate(shown)}
    background = scene.background if dice.chance(0.5 if scene.background == "plain" else 0.75) else None
    stated = tuple(Claim(name, place_of[a], place_of[b]) for name, a, b in claims)
    return Description(entities, stated, _absent(things, dice), background)


def _groups(things: Sequence[Placed]) -> list[tuple[int, ...]]:
    """Indices of things, equal ones together."""
    found: dict[tuple[str, str, str, str | None], list[int]] = {}
    for index, thing in enumerate(things):
        found.setdefault((thing.kind, thing.color, thing.surface, thing.pose), []).append(index)
    return [tuple(group) for group in found.values()]


def _stated(
    group: Sequence[Placed],
    index: int,
    claims: Sequence[tuple[str, int, int]],
    things: Sequence[Placed],
    dice: Dice,
) -> Entity:
    """What is said of a group: not what a claim says already, but what tells it from others of its kind."""
    names = [name for name, subject, _ in claims if subject == index]
    implied = any(name in POSES_OF and name != "on" for name in names)
    posed = "on" in names and group[0].pose in ("sitting", "standing")
    entity = _entity(
        group,
        dice,
        facing=0.0 if any(name in LOOKING or name == "holding" for name in names) else 0.3,
        pose=0.0 if implied else (1.0 if posed else 0.6),
        certain=sum(thing.kind == group[0].kind for thing in things) > len(group),
    )
    if len(group) > 1 and sum(fits(entity, thing) for thing in things) != len(group):
        return _entity(group, dice, facing=0.0, pose=1.0, certain=True)
    return entity


def _entity(
    group: Sequence[Placed], dice: Dice, *, facing: float, pose: float, certain: bool = False
) -> Entity:
    """A group of equal things as an entity that states what all members share.

    Args:
        group: Things of one kind, colour, surface and pose.
        dice: Decides what is left out.
        facing: Share in which the facing is said.
        pose: Share in which the pose is said.
        certain: Colour and surface are always said, sizes never.
    """
    first = group[0]
    kind = catalogue()[first.kind]
    natural = first.color == kind.color
    size = size_of(first) if all(size_of(t) == size_of(first) for t in group) else None
    one_way = first.facing if all(t.facing == first.facing for t in group) else None
    plain = first.surface == "plain"
    return Entity(
        first.kind,
        None if natural and not certain and dice.chance(0.5) else first.color,
        (first.surface if kind.surfaces and dice.chance(1.0 if certain else 0.06) else None)
        if plain
        else first.surface,
        size if size and not certain and dice.chance(0.3) else None,
        first.pose if dice.chance(pose) else None,
        one_way if dice.chance(facing) else None,
        len(group),
    )


def _claims(scene: Scene, groups: Sequence[tuple[int, ...]], dice: Dice) -> list[tuple[str, int, int]]:
    """Relations between groups that a caption states: those that were enacted, or others that hold."""
    group_of = {i: g for g, group in enumerate(groups) for i in group}
    found = [
        (r.name, group_of[r.subject], group_of[r.object])
        for r in scene.relations
        if len(groups[group_of[r.subject]]) == len(groups[group_of[r.object]]) == 1 and dice.chance(0.9)
    ]
    if not found and len(groups) > 1 and dice.chance(0.6):
        a = dice.pick(range(len(groups)))
        b = dice.pick([g for g in range(len(groups)) if g != a])
        true = [name for name in RELATIONS if _all_hold(name, groups[a], groups[b], scene.things)]
        if true:
            found = [(dice.pick(true), a, b)]
    return found


def _all_hold(name: str, a: Sequence[int], b: Sequence[int], things: Sequence[Placed]) -> bool:
    return all(holds(name, things[i], things[j], a_depth=i, b_depth=j) for i in a for j in b)


def _absent(things: Sequence[Placed], dice: Dice) -> tuple[Entity, ...]:
    """Sometimes a kind that is not there."""
    if not dice.chance(0.08):
        return ()
    present = {thing.kind for thing in things}
    return (Entity(dice.pick([kind for kind in catalogue() if kind not in present])),)
