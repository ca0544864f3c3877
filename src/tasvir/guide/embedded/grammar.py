"""Reading: a prompt in the world's language -> Description; a layout's phrase -> Entity.

One pass from left to right over the longest wordings (`vocabulary`), after the reading rules in the docstring of
`world.captions`: a relation's subject is the thing right before it, after "and" the subject of the same clause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasvir.errors import LanguageError
from tasvir.guide.embedded.vocabulary import OTHER_GUIDE, Role, Word, match, refuse_unknown, tokens
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Entity

_ADJECTIVES: tuple[Role, ...] = ("color", "surface", "size")
_FEMALE, _MALE = ("woman", "girl"), ("man", "boy")


def read(text: str) -> Description:
    """What a prompt claims.

    Args:
        text: A prompt in the world's language; case, punctuation and common synonyms do not matter.

    Raises:
        LanguageError: A word outside the language (near words are listed) or a sentence it does not have.
    """
    words = tokens(text)
    refuse_unknown(words)
    return _Reader(words).description()


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
    """

    subject: int | None = None
    last: int | None = None
    waiting: tuple[Word, int] | None = None


class _Reader:
    """One reading of one text.

    Args:
        words: From `tokens`.
    """

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0
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
                raise self._stuck()
        if self.clause.waiting is not None:
            raise self._refusal("it is not said what is " + self.clause.waiting[0].value + " it")
        if not self.entities and not self.absent and self.background is None:
            raise self._refusal("it names nothing to draw")
        return Description(tuple(self.entities), tuple(self.claims), tuple(self.absent), self.background)

    def _step(self) -> None:
        if self._take("background", "scene", store=True):
            self._take("with")
        elif self._take("absence"):
            self._absences()
        elif self._take("join", "with"):
            self.clause.last = None
        elif self._take("there is"):
            self.clause = _Clause(waiting=self.clause.waiting)
        elif self._take("that is"):
            self.clause.subject = self.clause.last if self.clause.last is not None else self.clause.subject
        elif self._take("is"):
            self.clause.last = self.clause.subject
        elif not (self._state() or self._relation()):
            self._mention()

    def _peek(self, *roles: Role) -> tuple[int, Word] | None:
        """The longest reading here, if one of its meanings has such a role."""
        readings = self._readings()
        longest = [found for found in readings if found[0] == readings[0][0]]
        return next((found for found in longest if found[1].role in roles), None)

    def _readings(self) -> list[tuple[int, Word]]:
        """What can be read here, longest first; a relation only where a thing follows ("sitting on | the right of")."""
        return [
            (size, word)
            for size, word in match(self.words, self.at)
            if word.role != "relation" or self._thing_at(self.at + size)
        ]

    def _thing_at(self, at: int) -> bool:
        """Whether a noun phrase begins at a place."""
        if self._noun_at(at):
            return True
        heads = [(size, word.role) for size, word in match(self.words, at)]
        if any(role in ("article", "definite", "possessive", "number", "pronoun") for _, role in heads):
            return any(self._noun_at(at + size) or role == "pronoun" for size, role in heads) or (
                any(role == "definite" and self._thing_at(at + size) for size, role in heads)
            )
        return False

    def _take(self, *roles: Role, store: bool = False) -> Word | None:
        found = self._peek(*roles)
        if found is None or (found[1].role == "scene" and not self._is_scene(found[0])):
            return None
        self.at += found[0]
        if store:
            self.background = found[1].value
        return found[1]

    def _is_scene(self, size: int) -> bool:
        """A background's noun heads a text ("a park with a dog"); it is no thing anywhere else."""
        rest = match(self.words, self.at + size)
        return not rest or any(word.role in ("with", "absence", "join") for _, word in rest)

    def _state(self) -> bool:
        """A pose or a side, said of the thing right before it or of the clause's subject."""
        found = self._peek("pose", "facing")
        if found is None:
            return False
        pose = found[1].role == "pose"
        index = self._bearer(pose)
        if index is None:
            return False
        self.at += found[0]
        changed = {"pose" if pose else "facing": found[1].value}
        self.entities[index] = replace(self.entities[index], **changed)
        return True

    def _bearer(self, pose: bool) -> int | None:
        recent = self.mentions[-1] if self.mentions else None
        for index in (self.clause.last, recent, self.clause.subject):
            if index is None:
                continue
            kind = catalogue()[self.entities[index].kind]
            if kind.poses if pose else kind.directional:
                return index
        return None

    def _relation(self) -> bool:
        if self._clothes():
            return True
        found = self._peek("relation")
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
            self._claim(word, subject, target)
            self.clause.last = target
        return True

    def _inverse_follows(self) -> bool:
        return any(word.role == "there is" for _, word in match(self.words, self.at))

    def _claim(self, word: Word, subject: int, target: int) -> None:
        if word.pose is not None and catalogue()[self.entities[subject].kind].poses:
            self.entities[subject] = replace(self.entities[subject], pose=word.pose)
        claim = Claim(word.value, subject, target)
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
        self._take("article")
        color = self._take("color")
        if color is None or self._peek("kind", "plural", "surface", "size"):
            self.at = start
            return False
        self._take("garment")
        self.entities[index] = replace(self.entities[index], color=color.value)
        return True

    def _mention(self) -> None:
        """A thing as the subject of a clause, or as one of a list."""
        index = self._noun_phrase()
        if index is None:
            return
        waiting, self.clause = self.clause.waiting, _Clause(index, index)
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
            found = self._peek("facing") if comma else self._peek("pose", "facing", "clothes", "relation")
            if found is None or not bears:
                self.at = start
                break
            if not (self._clothes() if found[1].role in ("clothes", "relation") else self._state()):
                self.at = start
                break
        self.clause = outer

    def _pronoun(self, avoid: int | None) -> int | None:
        found = self._peek("pronoun")
        if found is None:
            return None
        size, word = found
        if word.value == "her" and self._noun_at(self.at + size):
            return None
        fitting = [i for i in self.mentions if i != avoid and self._fits_pronoun(word.value, i)]
        if not fitting:
            raise self._refusal(f"it is not clear what {self.words[self.at]!r} is")
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

    def _noun_at(self, at: int) -> bool:
        roles = {word.role for _, word in match(self.words, at)}
        return bool(roles & {"kind", "plural", "pose", *_ADJECTIVES})

    def _named(self) -> int | None:
        start = self.at
        head = self._take("article", "definite", "possessive", "pronoun", "number")
        number = int(head.value) if head is not None and head.role == "number" else None
        if head is not None and head.role == "definite":
            later = self._take("number")
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
            raise self._refusal(
                f"it does not say how many {self.words[self.at - 1]} (write 'two {self.words[self.at - 1]}')"
            )
        if number is not None and not plural and not same:
            raise self._refusal(f"{head.value if head else number} needs a plural, got {found.kind!r}")
        self.entities.append(replace(found, count=number or 1))
        return len(self.entities) - 1

    def _noun(self) -> tuple[Entity, bool] | None:
        """Adjectives and a kind: the entity and whether the word was a plural; None with nothing read."""
        start = self.at
        stated: dict[str, str] = {}
        while True:
            word = self._take("kind", "plural")
            if word is not None:
                return replace(Entity(word.value), **stated), word.role == "plural"
            word = self._take(*_ADJECTIVES) or (self._take("pose") if self._pose_before_noun() else None)
            if word is None:
                self.at = start
                return None
            stated[word.role] = word.value
            if self._peek("join") and self._adjective_after_join():
                self.at += 1

    def _pose_before_noun(self) -> bool:
        return any(
            word.role == "pose" and self._noun_at(self.at + size) for size, word in match(self.words, self.at)
        )

    def _adjective_after_join(self) -> bool:
        return self.words[self.at] == "," and any(
            word.role in _ADJECTIVES for _, word in match(self.words, self.at + 1)
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
            self._take("article")
            entity = self._noun()
            if entity is None:
                raise self._refusal("it does not say what shall not be there")
            self.absent.append(entity[0])
            start = self.at
            if not self._take("or", "join") or not self._absent_follows():
                self.at = start
                return

    def _absent_follows(self) -> bool:
        """Whether after "or" / "and" the list of absent things goes on rather than a new clause."""
        start = self.at
        alternative = any(word.role == "or" for _, word in match(self.words, start - 1))
        self._take("article")
        follows = self._noun() is not None
        ends = self.at == len(self.words) or bool(self._peek("or", "join", "background", "absence"))
        self.at = start
        return follows and (ends or alternative)

    def _stuck(self) -> LanguageError:
        rest = " ".join(self.words[self.at : self.at + 6]).replace(" ,", ",")
        return self._refusal(f"it cannot be read from {rest!r} on")

    def _refusal(self, why: str) -> LanguageError:
        text = " ".join(self.words).replace(" ,", ",")
        return LanguageError(
            f"the embedded guide knows the words of {text!r} but {why}. Its sentences are like 'a red car left of a dog', "
            f"'a woman is holding an umbrella and a bus is behind her'. Reword the prompt, or {OTHER_GUIDE}"
        )
