"""The words that the embedded guide knows, as one table of wordings that the grammar matches longest first.

The wordings of the world's language come from `world.wording`, the catalogue and the palette; what people also say
("bike", "tiny", "to the left hand side of") is added here as synonyms and never written by the world itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Literal

from tasvir.errors import LanguageError
from tasvir.world.catalogue import catalogue, palette
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
    "kind", "plural", "color", "surface", "size", "pose", "facing", "relation", "background", "scene", "absence",
    "number", "article", "definite", "pronoun", "possessive", "clothes", "garment", "is", "that is", "there is", "join",
    "or", "with", "frame", "stop",
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

_Add = Callable[[str, Word], None]

KIND_SYNONYMS = {
    "bike": "bicycle", "plane": "airplane", "aeroplane": "airplane", "automobile": "car", "lorry": "truck",
    "sailboat": "boat", "sailing boat": "boat", "bunny": "rabbit", "lady": "woman", "guy": "man", "mug": "cup",
    "air balloon": "balloon", "hot air balloon": "balloon", "cacti": "cactus", "spaceship": "rocket",
    "pony": "horse", "toy drum": "drum", "street lamp": "lamp", "cardboard box": "box", "soccer ball": "ball",
}  # fmt: skip
ATTRIBUTE_SYNONYMS: Mapping[str, tuple[Role, str]] = {
    "tiny": ("size", "small"), "huge": ("size", "large"), "giant": ("size", "large"), "violet": ("color", "purple"),
    "stripy": ("surface", "striped"), "spotted": ("surface", "dotted"), "polka dot": ("surface", "dotted"),
    "polka dotted": ("surface", "dotted"), "reaching": ("pose", "reaching"), "stretching out an arm": ("pose", "reaching"),
    "standing up": ("pose", "standing"), "sitting down": ("pose", "sitting"), "seated": ("pose", "sitting"),
    "facing to the left": ("facing", "left"), "facing to the right": ("facing", "right"),
    "facing the left": ("facing", "left"), "facing the right": ("facing", "right"),
    "looking to the left": ("facing", "left"), "looking to the right": ("facing", "right"),
    "turned left": ("facing", "left"), "turned right": ("facing", "right"),
}  # fmt: skip
RELATION_SYNONYMS = {
    "at the left of": "left of", "at the right of": "right of", "on top": "on", "beneath of": "under",
    "to the left side of": "left of", "to the right side of": "right of", "on the left hand side of": "left of",
    "on the right hand side of": "right of", "near": "next to", "near to": "next to", "nearby": "next to", "by": "next to",
    "alongside": "next to", "right next to": "next to", "sitting next to": "next to", "looking towards": "facing",
    "walking to": "walking towards", "heading towards": "walking towards", "heading to": "walking towards",
    "running to": "running towards", "on the back of": "riding", "sitting in front of": "in front of",
    "standing in front of": "in front of", "standing behind": "behind", "standing next to": "next to",
    "standing under": "under", "sitting under": "under", "sitting behind": "behind",
}  # fmt: skip
_STATES_POSE = {"sitting": "sitting", "standing": "standing"}
BACKGROUND_SYNONYMS = {
    "at the park": "park", "on the road": "street", "on a road": "street", "in a street": "street", "by the seaside": "sea",
    "at the seaside": "sea", "on the sea": "sea", "on the beach": "sea", "by a sea": "sea", "inside a room": "room",
    "inside the room": "room", "in front of a plain background": "plain", "on the plain background": "plain",
}  # fmt: skip
_FRAMES = re.compile(
    r"^(?:please |draw |show |paint |make |generate |create |me |us )*"
    r"(?:an? (?:[a-z]+ ){0,2}(?:picture|photo|photograph|image|drawing|painting|illustration|scene)"
    r" (?:of|with|showing|depicting|in which) )?"
)
_FIXED: Mapping[str, Word] = {
    "a": Word("article"), "an": Word("article"), "one": Word("article"), "another": Word("article"),
    "1": Word("article"), "a single": Word("article"), "a second": Word("article"),
    "the": Word("definite"), "it": Word("pronoun", "it"), "him": Word("pronoun", "him"),
    "he": Word("pronoun", "him"), "she": Word("pronoun", "her"), "them": Word("pronoun", "them"),
    "they": Word("pronoun", "them"), "his": Word("possessive"), "its": Word("possessive"), "their": Word("possessive"),
    "her": Word("pronoun", "her"), "is": Word("is"), "are": Word("is"), "be": Word("is"), "being": Word("is"),
    "that is": Word("that is"), "that are": Word("that is"), "who is": Word("that is"), "who are": Word("that is"),
    "which is": Word("that is"), "which are": Word("that is"), "that": Word("that is"), "who": Word("that is"),
    "which": Word("that is"),
    "there is": Word("there is"), "there are": Word("there is"), "there's": Word("there is"),
    "and": Word("join"), ",": Word("join"), "while": Word("join"), "as": Word("join"), "together": Word("join"),
    "plus": Word("join"), "but": Word("join"), "or": Word("or"), "nor": Word("or"), "with": Word("with"),
    "alongside with": Word("with"), "together with": Word("with"), "along with": Word("with"),
    "couple of": Word("number", "2"), "a couple of": Word("number", "2"), "a pair of": Word("number", "2"),
    "no": Word("absence"), "and without": Word("absence"), "but without": Word("absence"),
    "but not": Word("absence"), "and not": Word("absence"), "without any": Word("absence"), ".": Word("stop"),
    "there is no": Word("absence"), "there are no": Word("absence"), "and there is no": Word("absence"),
    "and there are no": Word("absence"), "but there is no": Word("absence"), "but there are no": Word("absence"),
}  # fmt: skip
_GARMENTS = ("shirt", "dress", "coat", "jacket", "clothes", "sweater", "suit")
LONGEST = 7
"""Words in the longest wording."""


@cache
def wordings() -> Wordings:
    """Every wording, split into words, with all it can mean; meanings of the world's own language come first."""
    table: dict[tuple[str, ...], list[Word]] = {}

    def add(text: str, word: Word) -> None:
        meanings = table.setdefault(tuple(text.split()), [])
        if word not in meanings:
            meanings.append(word)

    _add_things(add)
    _add_attributes(add)
    _add_relations(add)
    for name, texts in BACKGROUND_WORDINGS.items():
        for text in texts:
            add(text, Word("background", name))
    for text, name in BACKGROUND_SYNONYMS.items():
        add(text, Word("background", name))
    for name, text in BACKGROUND_NOUNS.items():
        noun = text.split(maxsplit=1)[1]
        for article in ("a", "the"):
            add(f"{article} {noun}", Word("scene", name))
    for text in ABSENCE:
        add(text, Word("absence"))
    for text, word in _FIXED.items():
        add(text, word)
    return MappingProxyType({key: tuple(meanings) for key, meanings in table.items()})


def _add_things(add: _Add) -> None:
    for name, kind in catalogue().items():
        add(name, Word("kind", name))
        if kind.plural != name:
            add(kind.plural, Word("plural", name))
    for text, name in KIND_SYNONYMS.items():
        add(text, Word("kind", name))
        add("ladies" if text == "lady" else f"{text}s", Word("plural", name))
    for color in palette():
        add(color, Word("color", color))


def _add_attributes(add: _Add) -> None:
    for surface in ("plain", "striped", "dotted"):
        add(surface, Word("surface", surface))
    for size, texts in SIZES.items():
        for text in texts:
            add(text, Word("size", size))
    for pose, texts in POSE_WORDINGS.items():
        for text in texts:
            add(text, Word("pose", pose))
    for side, texts in FACING_WORDINGS.items():
        for text in texts:
            add(text, Word("facing", side))
    for text, (role, value) in ATTRIBUTE_SYNONYMS.items():
        add(text, Word(role, value))
    for number, texts in NUMBERS.items():
        for text in (*texts, str(number)):
            add(text, Word("number", str(number)))
    for text in CLOTHES:
        add(text, Word("clothes"))
    for text in _GARMENTS:
        add(text, Word("garment"))


def _add_relations(add: _Add) -> None:
    for wording in RELATION_WORDINGS:
        add(wording.text, Word("relation", wording.name, wording.pose))
    for text, name in RELATION_SYNONYMS.items():
        add(text, Word("relation", name, _STATES_POSE.get(text.split()[0])))


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
        f"the embedded guide does not know {listed}. It reads the {len(catalogue())} kinds and {len(palette())} colours "
        f"of the picture world ({', '.join(palette())}). Reword the prompt, or {OTHER_GUIDE}",
        unknown,
        near,
    )


OTHER_GUIDE = (
    "name another guide with --guide: one that asks a multimodal language model reads any text "
    "(--guide openai:MODEL; needs pip install 'tasvir[mllm]')"
)
