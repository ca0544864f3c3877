"""The noun phrases that a prompt asks for, and where they come from.

What the suite knows goes first: the fact "phrases", then the entities and the background of the fact
"description" (what must be absent is no phrase: to ask for it would reward its presence). Else the text is
chunked, by spaCy where it and its model are installed and by our rules elsewhere; which of them is part of a
metric's recipe, for another parser gives other phrases and so another value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tasvir.errors import SettingError
from tasvir.records import SuitePrompt
from tasvir.score import noun_chunks
from tasvir.world.description import Description
from tasvir.world.wording import BACKGROUND_NOUNS
from tasvir.world.writing import noun_phrase

DESCRIBED = "description/1"
"""How phrases are made of the fact "description"."""
SPACY_MODEL = "en_core_web_sm"


@dataclass(frozen=True, slots=True)
class Chunker:
    """What finds noun phrases in a text.

    Args:
        name: With its version, for recipes.
        chunk: From a text to its noun phrases in order, lower case.
    """

    name: str
    chunk: Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Noun phrases of a prompt in order, and their source: "facts", `DESCRIBED` or a chunker's name."""

    found: tuple[str, ...]
    source: str


def open_chunker(choice: str = "auto", *, pronouns: bool = False) -> Chunker:
    """A chunker by name.

    Args:
        choice: "rules", "spacy", or "auto": spaCy where it and its small English model are installed.
        pronouns: Keep "it" and its kind, which spaCy takes for noun chunks and the rules do not.

    Raises:
        SettingError: No such chunker, or spaCy is not there.
    """
    if choice not in ("auto", "rules", "spacy"):
        raise SettingError(f"chunker is {choice!r}: expected auto, rules or spacy")
    versions = _spacy_versions()
    if choice == "spacy" and versions is None:
        raise SettingError(
            f"chunker is 'spacy', and spaCy or its model is not installed: pip install spacy and the package "
            f"{SPACY_MODEL}, or take chunker=rules"
        )
    if choice == "rules" or versions is None:
        return Chunker(noun_chunks.NAME, noun_chunks.noun_phrases)
    name = f"spacy {versions[0]} {SPACY_MODEL} {versions[1]}"
    if pronouns:
        return Chunker(f"{name} with pronouns", lambda text: _spacy_chunks(text, pronouns=True))
    return Chunker(name, _spacy_chunks)


def phrases_of(prompt: SuitePrompt, chunker: Chunker) -> Phrases:
    """What a picture of the prompt is asked for, phrase by phrase.

    Raises:
        RecordError: The fact "description" is none.
    """
    if "phrases" in prompt.facts:
        return Phrases(tuple(map(str, prompt.facts["phrases"])), "facts")
    if "description" in prompt.facts:
        return Phrases(_described(Description.from_dict(prompt.facts["description"])), DESCRIBED)
    return Phrases(tuple(chunker.chunk(prompt.text)), chunker.name)


def sources(chunker: Chunker) -> list[str]:
    """The order in which `phrases_of` looks, for recipes."""
    return ["facts", DESCRIBED, chunker.name]


def _described(description: Description) -> tuple[str, ...]:
    place = [] if description.background is None else [BACKGROUND_NOUNS[description.background]]
    return (*(noun_phrase(entity) for entity in description.entities), *place)


def _spacy_versions() -> tuple[str, str] | None:
    try:
        return version("spacy"), version(SPACY_MODEL)
    except PackageNotFoundError:
        return None


@cache
def _parser() -> Callable[[str], Any]:
    loaded: Callable[[str], Any] = import_module("spacy").load(SPACY_MODEL)
    return loaded


def _spacy_chunks(text: str, *, pronouns: bool = False) -> list[str]:
    """Its noun chunks, with or without pronouns."""
    chunks: Any = _parser()(text).noun_chunks
    return [chunk.text.lower() for chunk in chunks if pronouns or chunk.root.pos_ != "PRON"]
