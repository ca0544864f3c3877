"""Scenes whose truth is known, drawn at random: for training, or so that a description is true."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from numpy.random import Generator

from tasvir.errors import UserInputError
from tasvir.world.catalogue import Kind, catalogue, palette
from tasvir.world.composing import POSES_OF, Claimed, compose, objects, prepare, subjects
from tasvir.world.description import Description, Entity, check
from tasvir.world.placing import HIGH, LOW, Dice, Piece
from tasvir.world.relations import RELATIONS
from tasvir.world.scene import BACKGROUNDS, FACINGS, SURFACES, Scene
from tasvir.world.splits import Split, found_in, heldout

GROUPS = 0.12
"""Share of scenes with a counted group of equal things."""
TWINS = 0.07
"""Share of scenes with two of a kind in different colours."""
RELATED = 0.72
"""Share of the other scenes with several things in which a relation is enacted."""
NATURAL = 0.45
"""Share of things in their kind's natural colour."""
CROWDED = 0.2
"""Share of the scenes without relation in which things may cover each other."""

SIZE_RANGES = {None: (LOW, HIGH), "small": (LOW, 0.80), "large": (1.20, HIGH)}
"""Sizes as factors of the natural height that a wanted size is drawn from, a little inside its definition."""


def sample_scene(rng: Generator, *, split: Split = "train") -> Scene:
    """Draw a scene of 1 to 4 things.

    Args:
        rng: Source of all draws; equal states give equal scenes.
        split: "train" holds no held-out combination, "heldout" at least one, "any" does not care.

    Returns:
        Things in depth order with boxes inside the picture, and the relations that were enacted (all of them
        hold).
    """
    dice = Dice(rng)
    while True:
        scene = _draw(dice, split)
        if scene is not None and (split != "heldout" or found_in(scene.things)):
            return scene


def sample_for(description: Description, rng: Generator, *, tries: int = 200) -> Scene:
    """Draw a scene in which a description is true.

    Args:
        description: What shall be true; all of it is checked.
        rng: Source of all draws.
        tries: How many scenes are composed before it gives up.

    Raises:
        UserInputError: None of them fitted: the description is impossible, or nearly so.
    """
    dice = Dice(rng)
    claims: list[Claimed] = []
    owners = [index for index, entity in enumerate(description.entities) for _ in range(entity.count)]
    for claim in description.claims:
        members = [i for i, owner in enumerate(owners) if owner == claim.subject]
        claims += [
            (claim.name, i, j) for i in members for j, owner in enumerate(owners) if owner == claim.object
        ]
    for _ in range(tries):
        pieces = [_piece_for(description.entities[owner], dice) for owner in owners]
        if not all(prepare(name, pieces[a], dice) for name, a, _ in claims):
            continue
        background = description.background or dice.pick(BACKGROUNDS)
        scene = (
            compose(pieces, claims, dice, background=background, strict=True)
            if pieces
            else Scene((), (), background)
        )
        if scene is not None and check(description, scene.things, scene.background).all_true:
            return scene
    raise UserInputError(
        f"no scene was found for {description.to_json()} in {tries} tries: ask for less at once"
    )


def _piece_for(entity: Entity, dice: Dice) -> Piece:
    kind = catalogue()[entity.kind]
    color = entity.color or (kind.color if entity.count > 1 or dice.chance(NATURAL) else dice.pick(_colors()))
    facing = entity.facing or (dice.pick(FACINGS) if kind.directional else None)
    pose = entity.pose or (dice.pick(kind.poses) if kind.poses else None)
    low, high = SIZE_RANGES[entity.size]
    if entity.count > 2 and entity.size is None:
        high = 1.0
    return Piece(kind, color, entity.surface or "plain", pose, facing, low, high)


def _draw(dice: Dice, split: Split) -> Scene | None:
    chooser = _Chooser(dice, split)
    roll = dice.unit()
    number = 1 + (roll >= 0.15) + (roll >= 0.50) + (roll >= 0.80)
    roll = dice.unit()
    claims: list[Claimed] = []
    group = 0
    if number > 1 and roll < GROUPS:
        group = dice.pick((2, 3, 4))
        pieces = chooser.group(group)
        pieces += chooser.more(pieces, 1 if group < 4 and dice.chance(0.6) else 0)
    elif number > 1 and roll < GROUPS + TWINS:
        pieces = chooser.twins()
        pieces += chooser.more(pieces, number - 2)
    elif number > 1 and dice.chance(RELATED):
        pieces, claims = chooser.related(number)
    else:
        pieces = chooser.more([], number)
    crowded = not claims and not group and dice.chance(CROWDED)
    return compose(pieces, claims, dice, background=dice.pick(BACKGROUNDS), group=group, crowded=crowded)


@cache
def _names() -> tuple[str, ...]:
    return tuple(catalogue())


@cache
def _colors() -> tuple[str, ...]:
    return tuple(palette())


_RELATIONS = tuple(RELATIONS)


class _Chooser:
    """What is in a scene: kinds, colours and relations that the split allows.

    Args:
        dice: Source of draws.
        split: Which combinations are allowed. For "heldout" it aims at one held-out combination.
    """

    def __init__(self, dice: Dice, split: Split) -> None:
        self.dice = dice
        self.table = heldout()
        self.careful = split == "train"
        self.forced: tuple[str, ...] = ()
        self.attribute: tuple[str, str] = ("", "")
        if split == "heldout" and dice.chance(0.5):
            self.forced = dice.pick(self.table.pairs)
        elif split == "heldout":
            self.attribute = dice.pick(self.table.attributes)
            self.forced = (self.attribute[1],)

    def piece(self, name: str) -> Piece:
        """A thing of a kind with attributes that the split allows."""
        dice, kind = self.dice, catalogue()[name]
        color, surface = self._color(kind), self._surface(kind)
        if name == self.attribute[1]:
            color, surface = self._forced_attribute(color, surface)
        pose = dice.pick(kind.poses) if kind.poses else None
        return Piece(kind, color, surface, pose, dice.pick(FACINGS) if kind.directional else None)

    def _forced_attribute(self, color: str, surface: str) -> tuple[str, str]:
        attribute = self.attribute[0]
        return (color, attribute) if attribute in SURFACES else (attribute, surface)

    def _color(self, kind: Kind, natural: float = NATURAL) -> str:
        if natural and self.dice.chance(natural):
            return kind.color
        while True:
            color = self.dice.pick(_colors())
            if not (self.careful and self.table.refuses(kind.name, color)):
                return color

    def _surface(self, kind: Kind) -> str:
        if not kind.surfaces or self.dice.chance(0.6):
            return "plain"
        surface = self.dice.pick(SURFACES[1:])
        if self.careful and self.table.refuses(kind.name, surface):
            return SURFACES[3 - SURFACES.index(surface)]
        return surface

    def _meets(self, name: str, present: Sequence[str]) -> bool:
        """Whether a kind may join those that are there."""
        if name in present:
            return False
        return not (self.careful and any(self.table.separates(name, other) for other in present))

    def more(self, present: Sequence[Piece], number: int) -> list[Piece]:
        """That many more things of kinds that are not there yet."""
        names = [p.kind.name for p in present]
        chosen: list[Piece] = []
        forced = [name for name in self.forced if name not in names][:number]
        while len(chosen) < number:
            name = forced.pop() if forced else self.dice.pick(_names())
            if self._meets(name, names):
                names.append(name)
                chosen.append(self.piece(name))
        return chosen

    def group(self, number: int) -> list[Piece]:
        """That many equal things, the smaller the more there are."""
        first = self.more([], 1)[0]
        pieces = [first]
        turn = self.dice.chance(0.5)
        for _ in range(number - 1):
            facing = self.dice.pick(FACINGS) if turn and first.facing else first.facing
            pieces.append(Piece(first.kind, first.color, first.surface, first.pose, facing))
        for piece in pieces:
            piece.high = (1.3, 1.1, 0.9)[number - 2]
        return pieces

    def twins(self) -> list[Piece]:
        """Two of a kind in different colours."""
        first = self.more([], 1)[0]
        second = self.piece(first.kind.name)
        while second.color == first.color:
            second.color = self._color(second.kind, natural=0.0)
        return [first, second]

    def related(self, number: int) -> tuple[list[Piece], list[Claimed]]:
        """Things of which one pair, or of three and four sometimes two, stand in a relation."""
        name, a, b = self._pair(self.forced, ())
        pieces = [self.piece(a), self.piece(b)]
        prepare(name, pieces[0], self.dice)
        claims: list[Claimed] = [(name, 0, 1)]
        if number >= 3 and self.dice.chance(0.5):
            self._second(pieces, claims, number)
        pieces += self.more(pieces, number - len(pieces))
        return pieces, claims

    def _second(self, pieces: list[Piece], claims: list[Claimed], number: int) -> None:
        """Add a related pair: one thing that is there and a new one, or (of four) two new ones."""
        present = [p.kind.name for p in pieces]
        old = () if number == 4 and self.dice.chance(0.4) else (self.dice.pick(present),)
        name, a, b = self._pair(old, present)
        for kind in (a, b):
            if kind not in present:
                present.append(kind)
                pieces.append(self.piece(kind))
        subject, thing = present.index(a), present.index(b)
        if (
            subject == claims[0][1]
            and (name in POSES_OF and claims[0][0] in POSES_OF)
            and pieces[subject].pose
        ):
            return
        prepare(name, pieces[subject], self.dice)
        claims.append((name, subject, thing))

    def _pair(self, forced: Sequence[str], present: Sequence[str]) -> tuple[str, str, str]:
        """A relation and two kinds for it: the forced kinds and else kinds that may join those present."""
        while True:
            name = self.dice.pick(_RELATIONS)
            if len(forced) == 2:
                a, b = forced if self.dice.chance(0.5) else (forced[1], forced[0])
            elif forced and self.dice.chance(0.5):
                b = forced[0]
                a = self.dice.pick(objects(name).get(b, (b,)))
            elif not forced and self.dice.chance(0.5):
                b = self.dice.pick(_ends(name))
                a = self.dice.pick(objects(name)[b])
            else:
                a = forced[0] if forced else self.dice.pick(_starters(name))
                b = self.dice.pick(subjects(name).get(a, (a,)))
            if a == b or b not in subjects(name).get(a, ()):
                continue
            new = [kind for kind in (a, b) if kind not in present]
            fresh = all(self._meets(kind, present) for kind in new) and self._meets(a, (b,))
            if fresh and (new or not present) and (forced or len(new) == 2):
                return name, a, b


@cache
def _ends(name: str) -> tuple[str, ...]:
    return tuple(objects(name))


@cache
def _starters(name: str) -> tuple[str, ...]:
    return tuple(subjects(name))
