"""A prompt as questions about its picture, each with the answer that a true picture gives.

From the fact "description" exactly: one question for each thing, attribute, number, relation, absence and the
place. Without it from the noun phrases: the head is asked for as a thing, each adjective as an attribute, a
number as a number; and the fact "relation", where a suite gives it. (Hu et al. 2023, TIFA; Cho et al. 2024,
DSG: atomic questions; here made by rules, not by a language model, so that anyone gets the same.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasvir.records import SuitePrompt
from tasvir.score import english
from tasvir.score.asking import YES_NO
from tasvir.score.noun_chunks import is_adjective, is_participle
from tasvir.score.phrases import Chunker, phrases_of
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Description, Entity
from tasvir.world.wording import BACKGROUND_WORDINGS, RELATION_WORDINGS
from tasvir.world.writing import article, noun_phrase

NAME = "questions/1"
"""Counts up with every change of what is asked."""
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ATTRIBUTES = ("color", "surface", "size", "pose", "facing")
_LEAST_RANGE = 4
"""Numbers up to this one are among the answers to "how many", and one more than the right one above it."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One question.

    Args:
        text: Lower case, with a question mark.
        answer: The one word that is right.
        among: The answers that are weighed against each other, the right one among them.
        kind: "object", "attribute", "count", "relation", "absence" or "place".
    """

    text: str
    answer: str
    among: tuple[str, ...]
    kind: str


def questions_of(prompt: SuitePrompt, chunker: Chunker) -> tuple[Atom, ...]:
    """Everything that a prompt asks for, a question each, none twice.

    Raises:
        RecordError: The fact "description" is none.
    """
    if "description" in prompt.facts:
        atoms = _described(Description.from_dict(prompt.facts["description"]))
    else:
        atoms = [atom for phrase in phrases_of(prompt, chunker).found for atom in _of_phrase(phrase)]
        atoms += _of_relation(prompt)
    return tuple(dict.fromkeys(atoms))


def _yes(text: str, kind: str) -> Atom:
    return Atom(text, "yes", YES_NO, kind)


def _number(noun: str, number: int) -> Atom:
    """How many; answers in digits, as question models are trained on them."""
    most = _LEAST_RANGE if number <= _LEAST_RANGE else number + 1
    among = tuple(str(value) for value in range(most + 1))
    return Atom(f"how many {noun} are there?", str(number), among, "count")


def _described(description: Description) -> list[Atom]:
    atoms: list[Atom] = []
    for entity in description.entities:
        atoms.append(_yes(f"is there {noun_phrase(Entity(entity.kind))}?", "object"))
        for name in _ATTRIBUTES:
            value = getattr(entity, name)
            if value is not None:
                alone = replace(Entity(entity.kind), **{name: value})
                atoms.append(_yes(f"is there {noun_phrase(alone)}?", "attribute"))
        if entity.count >= 2:
            atoms.append(_number(noun_phrase(entity).partition(" ")[2], entity.count))
    for claim in description.claims:
        ends = [_definite(description, index) for index in (claim.subject, claim.object)]
        verb = "are" if description.entities[claim.subject].count >= 2 else "is"
        atoms.append(_yes(f"{verb} {ends[0]} {_usual(claim.name)} {ends[1]}?", "relation"))
    atoms += [
        Atom(f"is there {noun_phrase(entity)}?", "no", YES_NO, "absence") for entity in description.absent
    ]
    if description.background is not None:
        atoms.append(_yes(f"is this {BACKGROUND_WORDINGS[description.background][-1]}?", "place"))
    return atoms


def _definite(description: Description, index: int) -> str:
    """ "the car"; with all its attributes where others of its kind are mentioned."""
    entity = description.entities[index]
    rivals = sum(other.kind == entity.kind for other in description.entities)
    if rivals > 1:
        return f"the {noun_phrase(entity).partition(' ')[2]}"
    return f"the {catalogue()[entity.kind].plural if entity.count >= 2 else entity.kind}"


def _usual(relation: str) -> str:
    return next(
        wording.text
        for wording in RELATION_WORDINGS
        if wording.name == relation and wording.pose is None and not wording.finite
    )


def _of_phrase(phrase: str) -> list[Atom]:
    words = [word for word in phrase.lower().split() if word not in english.DETERMINERS]
    number = next((_value(word) for word in words if _value(word) is not None), None)
    words = [word for word in words if _value(word) is None and word not in english.NUMBERS]
    if not words:
        return []
    described = [w for w in words[:-1] if is_adjective(w) or is_participle(w)]
    noun = " ".join(w for w in words if w not in described and w not in english.CONJUNCTIONS) or words[-1]
    many = number is not None and number >= 2
    plural = many or (words[-1].endswith("s") and not words[-1].endswith(("ss", "us")))
    verb = "are" if plural else "is"
    asked = f"are there {noun}?" if plural else f"is there {article(noun)} {noun}?"
    atoms = [_yes(asked, "object")]
    atoms += [_yes(f"{verb} the {noun} {adjective}?", "attribute") for adjective in described]
    return [*atoms, _number(noun, number)] if many and number is not None else atoms


def _of_relation(prompt: SuitePrompt) -> list[Atom]:
    told = prompt.facts.get("relation")
    if not told:
        return []
    return [_yes(f"is the {told['subject']} {told['name']} the {told['object']}?", "relation")]


def _value(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    return _NUMBERS.index(word) if word in _NUMBERS else None
