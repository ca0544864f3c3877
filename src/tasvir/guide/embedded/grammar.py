"""Reading: a prompt in the world's language -> Description; a layout's phrase -> Entity.

One pass from left to right over the longest wordings (`vocabulary`), after the reading rules in the docstring
of `world.captions`: a relation's subject is the thing right before it, after "and" the subject of the same
clause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tasvir.errors import LanguageError
from tasvir.guide.embedded.cursor import ADJECTIVES, Cursor
from tasvir.guide.embedded.limits import refuse_impossible
from tasvir.guide.embedded.vocabulary import Word, match, refuse_unknown, tokens
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Entity

_FEMALE, _MALE = ("woman", "girl"), ("man", "boy")


def read(text: str) -> Description:
    """What a prompt claims.

    Args:
        text: A prompt in the world's language; case, punctuation and common synonyms do not matter.

    Raises:
        LanguageError: A word outside the language (near words are listed), a sentence it does not have, or
            something that the world cannot show.
    """
    words = tokens(text)
    refuse_unknown(words)
    return refuse_impossible(_Reader(words).description())


def read_phrase(phrase: str) -> Entity:
    """The single thing that a layout's phrase names: "a woman in red reaching out, facing right".

    Raises:
        LanguageError: The phrase names no thing of the world, or more than one.
    """
    described = read(phrase)
    if len(described.entities) != 1 or described.claims or described.entities[0].count != 1:
        raise LanguageError(f"the phrase {phrase!r} must name one thing and no relation, e.g. 'a red car'")
    return described.entities[0]


@dataclass(slots=True)
class _Clause:
    """Where the reader is: who the sentence is about and what it waits for.

    Args:
        subject: Entity that the clause is about.
        last: Entity named last, unless a joiner came after it.
        waiting: Relation and object read before their subject ("behind a bus there is ...").
        listed: Entities listed before the subject ("a man and a woman ...").
        together: Those of them that a plural verb includes ("... are sitting").
        plain: Nothing has been said of the subject yet.
    """

    subject: int | None = None
    last: int | None = None
    waiting: tuple[Word, int] | None = None
    listed: tuple[int, ...] = ()
    together: tuple[int, ...] = ()
    plain: bool = True


class _Reader(Cursor):
    """One reading of one text.

    Args:
        words: From `tokens`.
    """

    def __init__(self, words: list[str]) -> None:
        super().__init__(words)
        self.entities: list[Entity] = []
        self.claims: list[Claim] = []
        self.absent: list[Entity] = []
        self.background: str | None = None
        self.mentions: list[int] = []
        self.clause = _Clause()

    def description(self) -> Description:
        """Read everything."""
        while self.at < len(self.words):
            before = self.at
            self._step()
            if self.at == before:
                raise self.stuck()
        if self.clause.waiting is not None:
            raise self.refusal("it is not said what is " + self.clause.waiting[0].value + " it")
        if not self.entities and not self.absent and self.background is None:
            raise self.refusal("it names nothing to draw")
        return Description(tuple(self.entities), tuple(self.claims), tuple(self.absent), self.background)

    def _step(self) -> None:
        if (place := self.take("background", "scene")) is not None:
            self.background = place.value
            self.take("with")
        elif self.take("absence"):
            self._absences()
        elif self.take("join", "with"):
            self.clause.last = None
        elif self.take("there is"):
            self.clause = _Clause(waiting=self.clause.waiting)
        elif self.take("that is"):
            self.clause.subject = self.clause.last if self.clause.last is not None else self.clause.subject
        elif self.take("is"):
            self._verb(plural=self.words[self.at - 1] == "are")
        elif not (self._state() or self._relation()):
            self._mention()

    def _verb(self, plural: bool) -> None:
        """What follows is said of the clause's subject; after "are", of all that were listed."""
        subject = self.clause.last = self.clause.subject
        if plural and subject is not None and self.entities[subject].count == 1:
            self.clause.together = self.clause.listed

    def _state(self) -> bool:
        """A pose or a side, said of the thing right before it or of the clause's subject."""
        found = self.peek("pose", "facing")
        if found is None:
            return False
        pose = found[1].role == "pose"
        index = self._bearer(pose)
        if index is None:
            return False
        self.at += found[0]
        for bearer in self._all(index):
            self.entities[bearer] = _with(self.entities[bearer], found[1])
        return True

    def _all(self, subject: int) -> tuple[int, ...]:
        """A subject with those that the verb includes."""
        self.clause.plain = False
        return (*self.clause.together, subject) if subject == self.clause.subject else (subject,)

    def _bearer(self, pose: bool) -> int | None:
        recent = self.mentions[-1] if self.mentions else None
        for index in (self.clause.last, recent, self.clause.subject):
            if index is None:
                continue
            kind = catalogue()[self.entities[index].kind]
            if kind.poses if pose else kind.directional:
                return index
        return self.clause.last

    def _relation(self) -> bool:
        if self._clothes():
            return True
        found = self.peek("relation")
        if found is None:
            return False
        size, word = found
        subject = self.clause.last if self.clause.last is not None else self.clause.subject
        start = self.at
        self.at += size
        target = self._noun_phrase(avoid=subject)
        if target is None:
            self.at = start
            return False
        inverse = subject is None or (self.clause.last is None and self._inverse_follows())
        if inverse:
            self.clause = _Clause(waiting=(word, target))
        elif subject is not None:
            for one in self._all(subject):
                self._claim(word, one, target)
            self.clause.last = target
        return True

    def _inverse_follows(self) -> bool:
        return any(word.role == "there is" for _, word in match(self.words, self.at))

    def _claim(self, word: Word, subject: int, target: int) -> None:
        if word.pose is not None and catalogue()[self.entities[subject].kind].poses:
            self.entities[subject] = replace(self.entities[subject], pose=word.pose)
        kinds = [catalogue()[self.entities[i].kind] for i in (subject, target)]
        rides = word.value == "on" and kinds[0].poses and kinds[1].ride is not None
        claim = Claim("riding" if rides else word.value, subject, target)
        if claim not in self.claims:
            self.claims.append(claim)

    def _clothes(self) -> bool:
        """ "in red", "wearing a red dress": the colour of the person named last."""
        found = next((f for f in match(self.words, self.at) if f[1].role == "clothes"), None)
        index = self.clause.last if self.clause.last is not None else self.clause.subject
        if found is None or index is None or not catalogue()[self.entities[index].kind].poses:
            return False
        start = self.at
        self.at += found[0]
        self.take("article")
        color = self.take("color")
        if color is None or self.peek("kind", "plural", "surface", "size"):
            self.at = start
            return False
        self.take("garment")
        self.entities[index] = replace(self.entities[index], color=color.value)
        return True

    def _mention(self) -> None:
        """A thing as the subject of a clause, or as one of a list."""
        index = self._noun_phrase()
        if index is None:
            return
        old, waiting = self.clause, self.clause.waiting
        goes_on = old.plain and old.last is None
        listed = (*old.listed, old.subject) if goes_on and old.subject is not None else ()
        self.clause = _Clause(index, index, listed=listed)
        if waiting is not None:
            self._claim(waiting[0], index, waiting[1])

    def _noun_phrase(self, avoid: int | None = None) -> int | None:
        """A thing with its tail: index of its entity, or None with nothing read."""
        index = self._pronoun(avoid)
        if index is None:
            index = self._named()
        if index is None:
            return None
        if index in self.mentions:
            self.mentions.remove(index)
        self.mentions.append(index)
        self._tail(index)
        return index

    def _tail(self, index: int) -> None:
        """Clothes, pose and side right after a thing; a comma may come before the side."""
        outer, self.clause = self.clause, _Clause(index, index)
        bears = bool(catalogue()[self.entities[index].kind].directional)
        while self.at < len(self.words):
            start = self.at
            comma = self.words[self.at] == ","
            self.at += comma
            found = self.peek("facing") if comma else self.peek("pose", "facing", "clothes", "relation")
            if found is None or not bears:
                self.at = start
                break
            if not (self._clothes() if found[1].role in ("clothes", "relation") else self._state()):
                self.at = start
                break
        self.clause = outer

    def _pronoun(self, avoid: int | None) -> int | None:
        found = self.peek("pronoun")
        if found is None:
            return None
        size, word = found
        if word.value == "her" and self.noun_at(self.at + size):
            return None
        fitting = [i for i in self.mentions if i != avoid and self._fits_pronoun(word.value, i)]
        if not fitting:
            raise self.refusal(f"it is not clear what {self.words[self.at]!r} is")
        self.at += size
        return fitting[-1]

    def _fits_pronoun(self, pronoun: str, index: int) -> bool:
        entity = self.entities[index]
        if pronoun == "them":
            return entity.count > 1
        person = bool(catalogue()[entity.kind].poses)
        return entity.count == 1 and {
            "it": not person, "her": entity.kind in _FEMALE, "him": entity.kind in _MALE,
        }[pronoun]  # fmt: skip

    def _named(self) -> int | None:
        start = self.at
        head = self.take("article", "definite", "possessive", "pronoun", "number")
        number = int(head.value) if head is not None and head.role == "number" else None
        if head is not None and head.role == "definite":
            later = self.take("number")
            number = int(later.value) if later is not None else None
        entity = self._noun()
        if entity is None:
            self.at = start
            return None
        found, plural = entity
        if head is not None and head.role == "definite":
            known = self._known(found)
            if known is not None:
                return known
        same = catalogue()[found.kind].plural == found.kind
        if plural and number is None:
            raise self.refusal(
                f"it does not say how many {self.words[self.at - 1]} (write 'two {self.words[self.at - 1]}')"
            )
        if number is not None and not plural and not same:
            raise self.refusal(f"{head.value if head else number} needs a plural, got {found.kind!r}")
        self.entities.append(replace(found, count=number or 1))
        return len(self.entities) - 1

    def _noun(self) -> tuple[Entity, bool] | None:
        """Adjectives and a kind: the entity and whether the word was a plural; None with nothing read."""
        start = self.at
        entity = Entity("")
        while True:
            word = self.take("kind", "plural")
            if word is not None:
                return replace(entity, kind=word.value), word.role == "plural"
            word = self.take(*ADJECTIVES) or (self.take("pose") if self._pose_before_noun() else None)
            if word is None:
                self.at = start
                return None
            entity = _with(entity, word)
            if self.peek("join") and self._adjective_after_join():
                self.at += 1

    def _pose_before_noun(self) -> bool:
        return any(
            word.role == "pose" and self.noun_at(self.at + size) for size, word in match(self.words, self.at)
        )

    def _adjective_after_join(self) -> bool:
        return self.words[self.at] == "," and any(
            word.role in ADJECTIVES for _, word in match(self.words, self.at + 1)
        )

    def _known(self, entity: Entity) -> int | None:
        """The thing named before that "the ..." means."""
        for index in reversed(self.mentions):
            known = self.entities[index]
            stated = [n for n in ("color", "surface", "size", "pose") if getattr(entity, n) is not None]
            if known.kind == entity.kind and all(getattr(known, n) == getattr(entity, n) for n in stated):
                return index
        return None

    def _absences(self) -> None:
        """What is not there: "without a cat, dogs or red cars"."""
        while True:
            self.take("article")
            entity = self._noun()
            if entity is None:
                raise self.refusal("it does not say what shall not be there")
            self.absent.append(entity[0])
            start = self.at
            if not self.take("or", "join") or not self._absent_follows():
                self.at = start
                return

    def _absent_follows(self) -> bool:
        """Whether after "or" / "and" the list of absent things goes on rather than a new clause."""
        start = self.at
        alternative = any(word.role == "or" for _, word in match(self.words, start - 1))
        self.take("article")
        follows = self._noun() is not None
        ends = self.at == len(self.words) or bool(self.peek("or", "join", "background", "absence"))
        self.at = start
        return follows and (ends or alternative)


def _with(entity: Entity, word: Word) -> Entity:
    """The entity with what an adjective, a pose or a side says of it."""
    change: dict[str, Any] = {word.role: word.value}
    return replace(entity, **change)
