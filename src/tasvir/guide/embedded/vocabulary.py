"""The words that the embedded guide knows, as one table of wordings that the grammar matches longest first.

The wordings of the world's language come from `world.wording`, the catalogue and the palette; what people
also say ("bike", "tiny", "to the left side of") is added from synonyms.toml and never written by the world.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from tasvir.errors import LanguageError
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.scene import SURFACES
from tasvir.world.wording import (
    ABSENCE,
    BACKGROUND_NOUNS,
    BACKGROUND_WORDINGS,
    CLOTHES,
    FACING_WORDINGS,
    NUMBERS,
    POSE_WORDINGS,
    RELATION_WORDINGS,
    SIZES,
)

Role = Literal[
    "kind", "plural", "color", "surface", "size", "pose", "facing", "relation", "background", "scene",
    "absence", "number", "article", "definite", "pronoun", "possessive", "clothes", "garment", "is",
    "that is", "there is", "join", "or", "with",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """One wording: what it does in a sentence and what it means there.

    Args:
        role: Its part of speech.
        value: Its meaning: a kind, a colour, a relation's name, a number in digits, ...
        pose: For relations: the pose that the wording states of its subject ("sitting on").
    """

    role: Role
    value: str = ""
    pose: str | None = None


Wordings = Mapping[tuple[str, ...], tuple[Word, ...]]

_FRAMES = re.compile(
    r"^(?:please |draw |show |paint |make |generate |create |me |us )*"
    r"(?:an? (?:[a-z]+ ){0,2}(?:picture|photo|photograph|image|drawing|painting|illustration|scene)"
    r" (?:of|with|showing|depicting|in which) )?"
)
_FUNCTION_WORDS: Mapping[Role, tuple[str, ...]] = {
    "article": ("a", "an", "one", "1", "another", "a single", "a second"),
    "definite": ("the",),
    "possessive": ("his", "its", "their"),
    "is": ("is", "are"),
    "that is": ("that is", "that are", "who is", "who are", "which is", "which are", "that", "who", "which"),
    "there is": ("there is", "there are", "there's"),
    "join": ("and", ",", "while", "as", "plus", "but"),
    "or": ("or", "nor"),
    "with": ("with", "together with", "along with"),
    "absence": (
        "no", "without", "and without", "but without", "but not", "and not", "there is no", "there are no",
        "and there is no", "and there are no", "but there is no", "but there are no",
    ),
    "garment": ("shirt", "dress", "coat", "jacket", "clothes", "sweater", "suit"),
}  # fmt: skip
_PRONOUNS = {
    "it": "it",
    "him": "him",
    "he": "him",
    "her": "her",
    "she": "her",
    "them": "them",
    "they": "them",
}
_PAIRS = ("a couple of", "a pair of")
LONGEST = 7
"""Words in the longest wording."""


@cache
def wordings() -> Wordings:
    """Every wording, split into words, with all that it can mean; the world's own meanings come first."""
    table: dict[tuple[str, ...], list[Word]] = {}
    for text, word in (*_own_words(), *_own_relations(), *_function_words(), *_synonyms()):
        meanings = table.setdefault(tuple(text.split()), [])
        if word not in meanings:
            meanings.append(word)
    return MappingProxyType({key: tuple(meanings) for key, meanings in table.items()})


def _own_words() -> Iterator[tuple[str, Word]]:
    for name, kind in catalogue().items():
        yield name, Word("kind", name)
        if kind.plural != name:
            yield kind.plural, Word("plural", name)
    for name in palette():
        yield name, Word("color", name)
    for name in SURFACES:
        yield name, Word("surface", name)
    tables: tuple[tuple[Role, Mapping[str, tuple[str, ...]]], ...] = (
        ("size", SIZES),
        ("pose", POSE_WORDINGS),
        ("facing", FACING_WORDINGS),
        ("background", BACKGROUND_WORDINGS),
    )
    for role, table in tables:
        for value, texts in table.items():
            for text in texts:
                yield text, Word(role, value)


def _own_relations() -> Iterator[tuple[str, Word]]:
    for wording in RELATION_WORDINGS:
        yield wording.text, Word("relation", wording.name, wording.pose)
    for name, text in BACKGROUND_NOUNS.items():
        noun = text.split(maxsplit=1)[1]
        yield f"a {noun}", Word("scene", name)
        yield f"the {noun}", Word("scene", name)
    for text in ABSENCE:
        yield text, Word("absence")
    for text in CLOTHES:
        yield text, Word("clothes")


def _function_words() -> Iterator[tuple[str, Word]]:
    for number, texts in NUMBERS.items():
        for text in (*texts, str(number)):
            yield text, Word("number", str(number))
    for text in _PAIRS:
        yield text, Word("number", "2")
    for role, texts in _FUNCTION_WORDS.items():
        for text in texts:
            yield text, Word(role)
    for text, value in _PRONOUNS.items():
        yield text, Word("pronoun", value)


def _synonyms() -> Iterator[tuple[str, Word]]:
    source = files(__package__).joinpath("synonyms.toml").read_text("utf-8")
    tables: dict[Role, dict[str, list[str]]] = tomllib.loads(source)  # type: ignore[assignment]
    for role, table in tables.items():
        for value, texts in table.items():
            for text in texts:
                posed = role == "relation" and text.split()[0] in ("sitting", "standing")
                yield text, Word(role, value, text.split()[0] if posed else None)
                if role == "kind":
                    yield f"{text}s", Word("plural", value)


def tokens(text: str) -> list[str]:
    """Words in lower case and commas, without quotes, dashes and the frame ("a photo of ...")."""
    plain = text.lower().replace("’", "'").replace(";", " , ").replace(":", " , ").replace("-", " ")
    plain = re.sub(r"[.!?]+(?=\s+\S)", " , ", plain)
    plain = re.sub(r"[.!?\"“”()\[\]]+", " ", plain).replace(",", " , ")
    plain = re.sub(r"'(?!s\b)", " ", " ".join(plain.split()))
    found = re.findall(r"[^\s,]+|,", _FRAMES.sub("", plain, count=1))
    while found and found[-1] == ",":
        found.pop()
    return [word for i, word in enumerate(found) if word != "," or (i > 0 and found[i - 1] != ",")]


def match(words: list[str], at: int) -> list[tuple[int, Word]]:
    """All readings of the words from a place on, longest first: (number of words, meaning)."""
    table = wordings()
    readings = []
    for size in range(min(LONGEST, len(words) - at), 0, -1):
        readings += [(size, word) for word in table.get(tuple(words[at : at + size]), ())]
    return readings


@cache
def known_words() -> tuple[str, ...]:
    """Every single word of the language."""
    return tuple(sorted({word for wording in wordings() for word in wording if word.isalpha()}))


def refuse_unknown(words: list[str]) -> None:
    """Raise LanguageError where a word is not in the language, with near words for each."""
    known = {word for wording in wordings() for word in wording}
    unknown = list(dict.fromkeys(word for word in words if word not in known))
    if not unknown:
        return
    near = {word: get_close_matches(word, known_words(), n=3, cutoff=0.7) for word in unknown}
    listed = "; ".join(
        repr(word) + (f" (near: {', '.join(near[word])})" if near[word] else "") for word in unknown
    )
    raise LanguageError(
        f"the embedded guide does not know {listed}. It reads the {len(catalogue())} kinds of the picture "
        f"world in {len(palette())} colours ({', '.join(palette())}). Reword the prompt, or {OTHER_GUIDE}",
        unknown,
        near,
    )


OTHER_GUIDE = (
    "name another guide with --guide: one that asks a multimodal language model reads any text "
    "(`tasvir list guides` shows those installed; docs/add-a-guide.md how to add one)"
)
