"""Questions about a scene with their true answers, in the forms that metrics ask.

One-word answers: yes, no, a digit, a colour, a kind or a place. Of the yes/no questions about half are true.
A false one differs from a true one in one thing (see `faults`), so that no word gives the answer away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from numpy.random import Generator

from tasvir.models.embedded.training.faults import changed, falsified, other_kind
from tasvir.world.captions import caption
from tasvir.world.catalogue import catalogue
from tasvir.world.composing import can_be
from tasvir.world.description import Description, Entity, fits, size_of
from tasvir.world.placing import Dice
from tasvir.world.relations import RELATIONS, holds
from tasvir.world.scene import BACKGROUNDS, Placed, Scene
from tasvir.world.splits import found_in, heldout
from tasvir.world.wording import BACKGROUND_WORDINGS, RELATION_WORDINGS
from tasvir.world.writing import article, noun_phrase, write

TEMPLATE = 'does this figure show "{}"? please answer yes or no.'
"""The question of VQAScore (Lin et al. 2024)."""
SHARES = {
    "phrase": 0.16,
    "is there": 0.12,
    "relation": 0.45,
    "attribute": 0.14,
    "count": 0.1,
    "color": 0.06,
    "place": 0.04,
    "what": 0.08,
}
"""How often each form is tried (a relation finds no question in every second scene); long ones come apart."""
PHRASES = 0.25
"""Share of the long questions that ask for one thing in the template."""
MOST = 4
"""Greatest number in an answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a picture.

    Args:
        text: Lower case.
        answer: One word.
        form: A key of SHARES, or "caption".
        fault: What is wrong where the answer is no, else "".
    """

    text: str
    answer: str
    form: str
    fault: str = ""


def caption_question(scene: Scene, dice: Dice, true: bool, text: str, described: Description) -> Question:
    """The whole caption asked, as it is or with one fault.

    Args:
        scene: What is to be seen.
        dice: Draws the fault and the form.
        true: Whether the caption shall stay true (it does where no fault can be made).
        text: A true caption.
        described: What it says.
    """
    wrong = None if true else falsified(described, scene, dice)
    if wrong is not None:
        text = write(wrong[1], dice)[0]
    asked = TEMPLATE.format(text) if dice.chance(0.4) else f"{text}?"
    return Question(asked, "no" if wrong else "yes", "caption", wrong[0] if wrong else "")


def long_questions(scene: Scene, rng: Generator, number: int) -> list[Question]:
    """That many captions, each true or false by chance; now and then a phrase in the long template."""
    dice = Dice(rng)
    found: list[Question] = []
    while len(found) < number:
        if dice.chance(PHRASES):
            asked = _phrase(scene, dice)
            if asked is not None:
                found.append(replace(asked, text=TEMPLATE.format(asked.text.removesuffix("?"))))
        else:
            found.append(caption_question(scene, dice, dice.chance(0.5), *caption(scene, rng)))
    return found


def short_questions(scene: Scene, rng: Generator, number: int) -> list[Question]:
    """That many questions about one thing, one relation, a number, a colour or the place."""
    dice = Dice(rng)
    names, shares = list(SHARES), list(SHARES.values())
    found: list[Question] = []
    while len(found) < number:
        roll, index = dice.unit() * sum(shares), 0
        while roll >= shares[index]:
            roll -= shares[index]
            index += 1
        asked = _FORMS[names[index]](scene, dice)
        if asked is not None:
            found.append(asked)
    return found


def _entity(thing: Placed, dice: Dice, named: float = 0.6) -> Entity:
    """A thing with some of its attributes stated."""
    rules = catalogue()[thing.kind]
    patterned = thing.surface != "plain"
    return Entity(
        thing.kind,
        thing.color if dice.chance(named) else None,
        thing.surface if rules.surfaces and dice.chance(0.6 if patterned else 0.15) else None,
        size_of(thing) if dice.chance(0.25) else None,
        thing.pose if dice.chance(0.3) else None,
        thing.facing if dice.chance(0.25) else None,
    )


def _phrase(scene: Scene, dice: Dice) -> Question | None:
    entity, fault = _entity(dice.pick(scene.things), dice), ""
    if dice.chance(0.5):
        wrong = _wrong_entity(entity, scene, dice)
        if wrong is None:
            return None
        fault, entity = wrong
    return Question(f"{noun_phrase(entity, dice)}?", "no" if fault else "yes", "phrase", fault)


def _is_there(scene: Scene, dice: Dice) -> Question | None:
    asked = _phrase(scene, dice)
    if asked is None:
        return None
    tail = " in the picture?" if dice.chance(0.3) else "?"
    return replace(asked, text=f"is there {asked.text.removesuffix('?')}{tail}")


def _wrong_entity(entity: Entity, scene: Scene, dice: Dice) -> tuple[str, Entity] | None:
    stated = [n for n in ("color", "surface", "size", "pose", "facing") if getattr(entity, n) is not None]
    fault = dice.pick(("kind", "kind", *stated, *stated))
    if fault == "kind":
        kind = other_kind(scene, dice)
        surface = entity.surface if catalogue()[kind].surfaces else None
        wrong: Entity | None = replace(entity, kind=kind, surface=surface, pose=None, facing=None)
    else:
        wrong = changed(entity, fault, dice)
    if wrong is None or _unfair(scene, wrong.kind, wrong.color, wrong.surface):
        return None
    return None if any(fits(wrong, thing) for thing in scene.things) else (fault, wrong)


def _unfair(scene: Scene, kind: str, *attributes: str | None) -> bool:
    """Whether a training scene would teach that a held-out combination is false."""
    return any(heldout().refuses(kind, name) for name in attributes) and not found_in(scene.things)


def _named(thing: Placed, scene: Scene, dice: Dice) -> str | None:
    """A definite name that fits this thing alone."""
    same = [other for other in scene.things if other.kind == thing.kind]
    person = catalogue()[thing.kind].category == "person"
    if len(same) == 1:
        return f"the {thing.color} {thing.kind}" if not person and dice.chance(0.2) else f"the {thing.kind}"
    if person or sum(other.color == thing.color for other in same) > 1:
        return None
    return f"the {thing.color} {thing.kind}"


def _relation(scene: Scene, dice: Dice) -> Question | None:
    if len(scene.things) < 2:
        return None
    i = dice.pick(range(len(scene.things)))
    j = dice.pick([index for index in range(len(scene.things)) if index != i])
    enacted = bool(scene.relations) and dice.chance(0.5)
    name = dice.pick(tuple(RELATIONS))
    if enacted:
        shown = dice.pick(scene.relations)
        name, i, j = shown.name, shown.subject, shown.object
    if dice.chance(0.3):
        i, j = j, i
    elif enacted and dice.chance(0.35):
        name = dice.pick(tuple(RELATIONS))
    a, b = scene.things[i], scene.things[j]
    if not can_be(name, catalogue()[a.kind], catalogue()[b.kind]):
        return None
    true = holds(name, a, b, a_depth=i, b_depth=j)
    if not true and dice.chance(0.35):
        return None
    names = _named(a, scene, dice), _named(b, scene, dice)
    if names[0] is None or names[1] is None:
        return None
    said = [w.text for w in RELATION_WORDINGS if w.name == name and not w.finite and w.pose in (None, a.pose)]
    wording = said[0] if dice.chance(0.5) else dice.pick(said)
    if dice.chance(0.7):
        text = f"is {names[0]} {wording} {names[1]}?"
    else:
        text = f"{article(a.kind)} {a.kind} {wording} {article(b.kind)} {b.kind}?"
        if not true and _any_such(name, a.kind, b.kind, scene):
            return None
    return Question(text, "yes" if true else "no", "relation", "" if true else "relation")


def _any_such(name: str, a: str, b: str, scene: Scene) -> bool:
    things = list(enumerate(scene.things))
    return any(
        first.kind == a and second.kind == b and i != j and holds(name, first, second, a_depth=i, b_depth=j)
        for i, first in things
        for j, second in things
    )


def _attribute(scene: Scene, dice: Dice) -> Question | None:
    thing = dice.pick(scene.things)
    name = _named(thing, scene, dice)
    if name is None:
        return None
    stated = Entity(thing.kind, thing.color, thing.surface, size_of(thing), thing.pose, thing.facing)
    if not catalogue()[thing.kind].surfaces:
        stated = replace(stated, surface=None)
    options = [n for n in ("color", "surface", "size", "pose", "facing") if getattr(stated, n) is not None]
    chosen = dice.pick(options)
    if chosen == "color" and f" {thing.color} " in name:
        return None
    fault = ""
    if dice.chance(0.5):
        wrong = changed(stated, chosen, dice)
        if wrong is None or _unfair(scene, thing.kind, getattr(wrong, chosen)):
            return None
        stated, fault = wrong, chosen
    value = getattr(stated, chosen)
    person = catalogue()[thing.kind].category == "person"
    said = {"facing": f"facing {value}", "reaching": "reaching out"}.get(
        chosen if chosen == "facing" else value, f"in {value}" if chosen == "color" and person else value
    )
    return Question(f"is {name} {said}?", "no" if fault else "yes", "attribute", fault)


def _count(scene: Scene, dice: Dice) -> Question | None:
    """ "how many dogs are there?" and "are there two dogs?"."""
    thing = dice.pick(scene.things)
    kinds = [other.kind for other in scene.things]
    groups = [other for other in scene.things if kinds.count(other.kind) > 1]
    if groups and dice.chance(0.7):
        thing = dice.pick(groups)
    kind = other_kind(scene, dice) if dice.chance(0.15) else thing.kind
    person = catalogue()[kind].category == "person"
    color = thing.color if kind == thing.kind and not person and dice.chance(0.25) else None
    number = sum(fits(Entity(kind, color), other) for other in scene.things)
    noun = " ".join(word for word in (color, catalogue()[kind].plural) if word)
    if number > MOST:
        return None
    if dice.chance(0.4 if number >= 2 else 0.9):
        return Question(f"how many {noun} are there?", str(number), "count")
    true = number >= 2 and dice.chance(0.6)
    asked = number if true else dice.pick([n for n in (2, 3, 4) if n != number])
    text = f"are there {('two', 'three', 'four')[asked - 2]} {noun}?"
    return Question(text, "yes" if true else "no", "count", "" if true else "count")


def _color(scene: Scene, dice: Dice) -> Question | None:
    thing = dice.pick(scene.things)
    if sum(other.kind == thing.kind for other in scene.things) > 1:
        return None
    worn = catalogue()[thing.kind].category == "person" and dice.chance(0.5)
    text = f"what color is the {thing.kind} wearing?" if worn else f"what color is the {thing.kind}?"
    return Question(text, thing.color, "color")


def _place(scene: Scene, dice: Dice) -> Question:
    if dice.chance(0.3):
        return Question("where is this?", scene.background, "place")
    true = dice.chance(0.5)
    name = scene.background if true else dice.pick([n for n in BACKGROUNDS if n != scene.background])
    wording = dice.pick(BACKGROUND_WORDINGS[name])
    return Question(f"is this {wording}?", "yes" if true else "no", "place", "" if true else "background")


def _what(scene: Scene, dice: Dice) -> Question | None:
    """ "what is left of the dog?", where one kind alone answers it."""
    j = dice.pick(range(len(scene.things)))
    name = dice.pick(scene.relations).name if scene.relations else dice.pick(tuple(RELATIONS))
    kinds = {
        thing.kind
        for i, thing in enumerate(scene.things)
        if i != j and holds(name, thing, scene.things[j], a_depth=i, b_depth=j)
    }
    named = _named(scene.things[j], scene, dice)
    if len(kinds) != 1 or named is None:
        return None
    return Question(f"what is {name} {named}?", kinds.pop(), "what")


_FORMS: dict[str, Callable[[Scene, Dice], Question | None]] = {
    "phrase": _phrase,
    "is there": _is_there,
    "relation": _relation,
    "attribute": _attribute,
    "count": _count,
    "color": _color,
    "place": _place,
    "what": _what,
}
