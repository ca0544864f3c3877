"""Descriptions in words, in the language that `captions` documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.placing import Dice
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
    SEEING,
    SIZES,
    RelationWording,
)

USUAL = 0.35
"""Share in which the usual wording of a relation is taken without a draw among all."""


def noun_phrase(entity: Entity, dice: Dice | None = None, *, skip_pose: bool = False) -> str:
    """An entity in words, "two small red striped balls".

    Args:
        entity: What is said of it, no more and no less.
        dice: Chooses among wordings; None takes the usual ones.
        skip_pose: The pose is said elsewhere.
    """
    person = catalogue()[entity.kind].category == "person"
    words = [_any(SIZES[entity.size], dice)] if entity.size else []
    if entity.surface == "plain":
        words.append("plain")
    if entity.color and not person:
        words.append(entity.color)
    if entity.surface in ("striped", "dotted"):
        words.append(entity.surface)
    words.append(catalogue()[entity.kind].plural if entity.count >= 2 else entity.kind)
    words.insert(0, _any(NUMBERS[entity.count], dice) if entity.count >= 2 else article(words[0]))
    if entity.color and person:
        words += [_any(CLOTHES, dice), entity.color]
    if entity.pose and not skip_pose:
        words.append(_any(POSE_WORDINGS[entity.pose], dice))
        if entity.facing:
            words[-1] += ","
    if entity.facing:
        words.append(_any(_said_of(entity, FACING_WORDINGS[entity.facing]), dice))
    return " ".join(words)


def article(word: str) -> str:
    """The indefinite article before a word of this language."""
    return "an" if word[0] in "aeiou" else "a"


def write(description: Description, dice: Dice) -> tuple[str, Description]:
    """A description as a text of one of many wordings.

    Args:
        description: What shall be said. Counts up to 4.
        dice: Chooses the wording.

    Returns:
        The text and the description with its entities in the order in which the text mentions them.
    """
    writer = _Writer(description, dice)
    text = writer.text()
    return text, writer.renumbered()


def _any(wordings: Sequence[str], dice: Dice | None) -> str:
    return wordings[0] if dice is None or len(wordings) == 1 else dice.pick(wordings)


class _Writer:
    """Writes one description; remembers what it has mentioned."""

    def __init__(self, description: Description, dice: Dice) -> None:
        self.description = description
        self.entities = description.entities
        self.dice = dice
        self.mentioned: list[int] = []

    def renumbered(self) -> Description:
        """The description with entities numbered by mention."""
        place = {old: new for new, old in enumerate(self.mentioned)}
        claims = tuple(Claim(c.name, place[c.subject], place[c.object]) for c in self.description.claims)
        return replace(
            self.description, entities=tuple(self.entities[i] for i in self.mentioned), claims=claims
        )

    def text(self) -> str:
        background = self.description.background
        if not self.entities or (background and not self.description.claims and self.dice.chance(0.15)):
            return self._headed(background or "plain")
        body = self._body()
        absence = self._absence()
        if background is None:
            return body + absence
        place = self.dice.pick(self._places(background, body))
        roll = self.dice.unit()
        if roll < 0.2:
            return f"{place}, {body}{absence}"
        return f"{body}{absence} {place}" if roll < 0.4 else f"{body} {place}{absence}"

    def _places(self, background: str, body: str) -> list[str]:
        """Wordings of a background; "sitting on ..." would read as a relation."""
        posed = body.endswith((" sitting", " standing"))
        return [w for w in BACKGROUND_WORDINGS[background] if not (posed and w.startswith("on "))]

    def _headed(self, background: str) -> str:
        """ "a park with a dog", "a park without dogs"."""
        head = BACKGROUND_NOUNS[background]
        if self.entities:
            head += f" with {self._listed(range(len(self.entities)))}"
        return head + self._absence()

    def _body(self) -> str:
        claims = self.description.claims
        used = {i for c in claims for i in (c.subject, c.object)}
        loose = [i for i in range(len(self.entities)) if i not in used]
        if not claims:
            start = self._there(loose[0]) if self.dice.chance(0.25) else ""
            return start + self._listed(loose)
        first = bool(loose) and self.dice.chance(0.3)
        parts = [self._listed(loose)] if first else []
        parts.append(self._claimed(claims))
        if loose and not first:
            start = self._there(loose[0]) if self.dice.chance(0.4) else ""
            parts.append(start + self._listed(loose))
        return parts[0] + "".join(f"{self._joiner()} {part}" for part in parts[1:])

    def _joiner(self) -> str:
        return self.dice.pick((" and", ", and"))

    def _there(self, index: int) -> str:
        return "there are " if self.entities[index].count >= 2 else "there is "

    def _listed(self, indices: Sequence[int]) -> str:
        phrases = [self._first(i) for i in indices]
        if len(phrases) == 1:
            return phrases[0]
        last = ", and" if len(phrases) > 2 and self.dice.chance(0.3) else " and"
        return f"{', '.join(phrases[:-1])}{last} {phrases[-1]}"

    def _first(self, index: int, skip_pose: bool = False) -> str:
        self.mentioned.append(index)
        return noun_phrase(self.entities[index], self.dice, skip_pose=skip_pose)

    def _claimed(self, claims: Sequence[Claim]) -> str:
        text, style = self._opening(claims[0])
        chained = False
        for before, claim in pairwise(claims):
            if (
                before.subject == claim.subject
                and not chained
                and style != "inverted"
                and self.dice.chance(0.6)
            ):
                text += f" and {self._more(claim, style)}"
                continue
            follows = before.object == claim.subject and style != "inverted" and not chained
            if follows and self.mentioned[-1] == claim.subject and self.dice.chance(0.5):
                chained = True
                text += (
                    f" {self._that(claim.subject)} {self._wording(claim, False).text} {self._object(claim)}"
                )
                continue
            joiner = self.dice.pick((" and", " and", " while", ", and"))
            style = self.dice.pick(("is", "finite") if joiner == " while" else ("is", "is", "bare", "finite"))
            text += f"{joiner} {self._clause(claim, style)}"
            chained = False
        return text

    def _that(self, index: int) -> str:
        entity = self.entities[index]
        person = catalogue()[entity.kind].category == "person"
        return f"{'who' if person else 'that'} {'are' if entity.count >= 2 else 'is'}"

    def _opening(self, claim: Claim) -> tuple[str, str]:
        """The first claim, also with its object first; and the style it is in."""
        a = self.entities[claim.subject]
        fresh = claim.subject not in self.mentioned and claim.object not in self.mentioned
        roll = self.dice.unit()
        verbal = claim.name in ("holding", "riding", "facing", "walking towards", "running towards")
        if fresh and not verbal and not _posed(claim, a) and roll < 0.12:
            wording = self._wording(claim, False).text
            first = self._first(claim.object)
            return f"{wording} {first} {self._there(claim.subject)}{self._first(claim.subject)}", "inverted"
        if fresh and roll < 0.22 and not a.facing and not _posed(claim, a):
            start = self._there(claim.object) + self._first(claim.object)
            link = f"{self._wording(claim, False).text} {_pronoun_of(self.entities[claim.object])}"
            return f"{start} and {self._first(claim.subject)} {link}", "inverted"
        style = self.dice.pick(("is", "bare", "bare", "finite"))
        start = self._there(claim.subject) if style == "bare" and self.dice.chance(0.15) else ""
        return start + self._clause(claim, style), style

    def _clause(self, claim: Claim, style: str) -> str:
        entity = self.entities[claim.subject]
        many = entity.count >= 2
        wording = self._wording(claim, style == "finite" and not many)
        known = claim.subject in self.mentioned
        bare = style == "bare" and not known and not entity.facing
        copula = "are " if many else "is "
        link = wording.text if wording.finite or bare else copula + wording.text
        subject = (
            self._definite(claim.subject) if known else self._first(claim.subject, wording.pose is not None)
        )
        return f"{subject} {link} {self._object(claim)}"

    def _more(self, claim: Claim, style: str) -> str:
        """A further link of the same subject."""
        wording = self._wording(claim, style == "finite" and self.entities[claim.subject].count == 1)
        needs = style == "finite" and not wording.finite
        copula = "are" if self.entities[claim.subject].count >= 2 else "is"
        lead = f"{copula} " if needs or (style == "is" and self.dice.chance(0.4)) else ""
        return f"{lead}{wording.text} {self._object(claim)}"

    def _object(self, claim: Claim) -> str:
        if claim.object not in self.mentioned:
            return self._first(claim.object)
        others = [i for i in self.mentioned if i != claim.subject]
        pronoun = self._pronoun(claim.object, others)
        return pronoun if pronoun and self.dice.chance(0.6) else self._definite(claim.object)

    def _wording(self, claim: Claim, finite: bool) -> RelationWording:
        entity = self.entities[claim.subject]
        pose = entity.pose if _posed(claim, entity) else None
        said = _said_of(entity, [w.text for w in _wordings(claim.name) if w.pose == pose])
        fitting = [w for w in _wordings(claim.name) if w.text in said and w.pose == pose]
        options = [w for w in fitting if w.finite == finite] or fitting
        return options[0] if self.dice.chance(USUAL) else self.dice.pick(options)

    def _pronoun(self, index: int, candidates: Sequence[int]) -> str | None:
        """The pronoun of an entity where it is the only candidate that it fits."""
        pronoun = _pronoun_of(self.entities[index])
        return (
            pronoun
            if [i for i in candidates if _pronoun_of(self.entities[i]) == pronoun] == [index]
            else None
        )

    def _definite(self, index: int) -> str:
        entity = self.entities[index]
        noun = catalogue()[entity.kind].plural if entity.count >= 2 else entity.kind
        rivals = [e for i, e in enumerate(self.entities) if e.kind == entity.kind and i != index]
        if rivals and entity.color and catalogue()[entity.kind].category != "person":
            noun = f"{entity.color} {noun}"
        return f"the {noun}"

    def _absence(self) -> str:
        absent = self.description.absent
        if not absent:
            return ""
        lead = self.dice.pick(ABSENCE if self.entities else ABSENCE[:2])
        plural = lead == "without any" or self.dice.chance(0.6)
        phrases = [self._absent(e, plural, single="a " if lead == "without" else "") for e in absent]
        return f" {lead} {' or '.join(phrases)}"

    def _absent(self, entity: Entity, plural: bool, single: str) -> str:
        words = [w for w in (entity.color, entity.surface) if w]
        words.append(catalogue()[entity.kind].plural if plural else entity.kind)
        if not plural and single:
            words.insert(0, article(words[0]))
        return " ".join(words)


@cache
def _wordings(name: str) -> tuple[RelationWording, ...]:
    return tuple(w for w in RELATION_WORDINGS if w.name == name)


def _said_of(entity: Entity, texts: Sequence[str]) -> list[str]:
    """The wordings that may be said of an entity: only people and animals look and watch."""
    seeing = catalogue()[entity.kind].category in ("person", "animal")
    return [text for text in texts if seeing or text.split()[0] not in SEEING]


def _posed(claim: Claim, entity: Entity) -> bool:
    return claim.name == "on" and entity.pose in ("sitting", "standing")


def _pronoun_of(entity: Entity) -> str:
    return "them" if entity.count >= 2 else PRONOUNS.get(entity.kind, "it")
