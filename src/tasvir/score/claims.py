"""What a prompt claims about places and numbers: from the suite's facts, else from its text by a named rule.

Facts come first: "relation", then "description"; "numbers", then "description". Where there are none the text
is read by small rules of our own (`RELATION_RULE`, `NUMBER_RULE`), which know no grammar: they find the words
of a relation or a number and take the words beside them for the thing.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tasvir.records import SuitePrompt
from tasvir.world.description import Description

RELATION_RULE = "relation-phrase/1"
NUMBER_RULE = "number-words/1"

PLANE = ("left of", "right of", "above", "below", "on", "under", "near", "next to")
DEPTH = ("in front of", "behind", "hidden by")
_WORDINGS = {
    "left of": ("left of", "on the left of", "to the left of", "on the left side of", "on the left"),
    "right of": ("right of", "on the right of", "to the right of", "on the right side of", "on the right"),
    "above": ("above", "over"),
    "below": ("below", "beneath"),
    "on": ("on top of", "on the top of", "on"),
    "under": ("under", "underneath", "on the bottom of", "at the bottom of"),
    "near": ("near", "close to"),
    "next to": ("next to", "beside", "on side of", "on the side of", "by the side of"),
    "in front of": ("in front of", "before"),
    "behind": ("behind",),
    "hidden by": ("hidden by", "hidden behind"),
}
_NAMED = {wording: name for name, wordings in _WORDINGS.items() for wording in wordings}
_RELATION = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _NAMED), key=len, reverse=True))})\b")

UPSTREAM_WORDS = (
    "on side of", "next to", "near", "on the left of", "on the right of", "on the bottom of", "on the top of",
    "on top of",
)  # fmt: skip
"""What the official code looks for in a prompt, in its order."""
UPSTREAM_DEPTH_WORDS = ("in front of", "behind", "hidden")
_UPSTREAM_OF = {
    "left of": "on the left of", "right of": "on the right of", "above": "on the top of",
    "below": "on the bottom of", "on": "on top of", "near": "near", "next to": "next to",
    "in front of": "in front of", "behind": "behind", "hidden by": "hidden",
}  # fmt: skip
"""Its words for our names; it has none for "under"."""

_LEAD = re.compile(r"^(?:(?:a|an|the) )?(?:photo|picture|image|painting|drawing) of ")
_ARTICLE = re.compile(r"^(?:a|an|the|some|his|her|its|their) ")
_VERB = re.compile(
    r" (?:(?:is|are|was|were|that|which) ?|(?:sit|stand|lie|lean|rest|hang|place|locate|seat)\w* ?)+$"
)
_CLAUSE = re.compile(r"[.;:!?]|, | while | and (?=the |a |an )")

_NUMBERS = {
    word: value
    for value, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1
    )
}
_MOST_WORDS = 3
"""Of a counted thing: "small traffic lights"."""
_ENDS = frozenset(
    {
        "and",
        "or",
        "on",
        "in",
        "at",
        "with",
        "of",
        "is",
        "are",
        "was",
        "were",
        "next",
        "near",
        "under",
        "above",
    }
    | {"under", "above", "below", "by", "to", "from", "for", "that", "into", "behind"}
)
_TOKEN = re.compile(r"[a-z0-9'-]+|[.,;:!?]")
_IRREGULAR = {
    "women": "woman", "men": "man", "people": "person", "children": "child", "mice": "mouse",
    "geese": "goose", "feet": "foot", "teeth": "tooth", "knives": "knife", "leaves": "leaf",
    "loaves": "loaf", "shelves": "shelf", "wolves": "wolf", "scarves": "scarf", "buses": "bus",
    "lenses": "lens", "cookies": "cookie", "shoes": "shoe", "horses": "horse", "houses": "house",
    "vases": "vase", "purses": "purse", "suitcases": "suitcase", "axes": "axe",
}  # fmt: skip
_SAME = frozenset(
    {"fish", "sheep", "deer", "scissors", "glasses", "skis", "bus", "lens", "cactus", "dress", "glass"}
)


@dataclass(frozen=True, slots=True)
class SpatialClaim:
    """Something is somewhere in relation to something else.

    Args:
        name: One of `PLANE` or `DEPTH`.
        words: As the prompt or the fact has it.
        subject: What is there, "brown coat rack".
        object: What it is related to.
        colors: Of subject and object, where a description states them.
    """

    name: str
    words: str
    subject: str
    object: str
    colors: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class CountClaim:
    """So many things are there.

    Args:
        noun: One of them, "boy".
        count: How many.
        exact: Exactly so many; otherwise at least.
        color: Where a description states it.
    """

    noun: str
    count: int
    exact: bool
    color: str | None = None


def spatial_claims(prompt: SuitePrompt) -> tuple[SpatialClaim, ...]:
    """All claims about places that have a name here; none where a prompt makes no such claim."""
    if "relation" in prompt.facts:
        fact = prompt.facts["relation"]
        words = str(fact["name"]).lower()
        if words not in _NAMED:
            return ()
        return (SpatialClaim(_NAMED[words], words, str(fact["subject"]), str(fact["object"])),)
    if "description" in prompt.facts:
        description = Description.from_dict(prompt.facts["description"])
        ends = description.entities
        return tuple(
            SpatialClaim(
                claim.name,
                claim.name,
                ends[claim.subject].kind,
                ends[claim.object].kind,
                (ends[claim.subject].color, ends[claim.object].color),
            )
            for claim in description.claims
            if claim.name in PLANE + DEPTH
        )
    claim = relation_in(prompt.text)
    return () if claim is None else (claim,)


def relation_in(text: str) -> SpatialClaim | None:
    """The first relation that a text states, by `RELATION_RULE`, or None."""
    lowered = _LEAD.sub("", " ".join(text.lower().split()))
    found = _RELATION.search(lowered)
    if found is None:
        return None
    before = _CLAUSE.split(lowered[: found.start()].strip())[-1]
    after = _CLAUSE.split(lowered[found.end() :].strip())[0]
    subject, target = bare(_VERB.sub("", f"{before.strip()} ").strip()), bare(after)
    if not subject or not target:
        return None
    return SpatialClaim(_NAMED[found.group()], found.group(), subject, target)


def upstream_words(
    prompt: SuitePrompt, names: tuple[str, ...], vocabulary: tuple[str, ...]
) -> tuple[str | None, str, str] | None:
    """Relation, subject and object as the official code takes them; the relation None where it has no word.

    The words are the fact's, or those that stand for it; without a fact the first of the vocabulary that the
    text holds anywhere. Subject and object are single words: the last before the relation and the last of
    what follows it, in place of the first and the last noun that a tagger finds.

    Args:
        prompt: Whose first claim of one of the names it is.
        names: `PLANE` or `DEPTH`.
        vocabulary: `UPSTREAM_WORDS` or `UPSTREAM_DEPTH_WORDS`.

    Returns:
        ("on the left of", "dog", "rack"), or None where nothing of the kind is claimed.
    """
    claim = next((claim for claim in spatial_claims(prompt) if claim.name in names), None)
    if claim is None:
        return None
    if prompt.facts.keys() & {"relation", "description"}:
        said = claim.words if claim.words in vocabulary else _UPSTREAM_OF.get(claim.name)
    else:
        said = next((words for words in vocabulary if words in prompt.text.lower()), None)
    return said, claim.subject.split()[-1], claim.object.split()[-1]


def count_claims(prompt: SuitePrompt) -> tuple[CountClaim, ...]:
    """All claims about numbers; none where a prompt states no number above "a".

    Of a text that counts something, "a" means at least one of something else.
    """
    if "numbers" in prompt.facts:
        numbers = prompt.facts["numbers"]
        return tuple(CountClaim(str(noun), int(count), True) for noun, count in numbers.items())
    if "description" in prompt.facts:
        entities = Description.from_dict(prompt.facts["description"]).entities
        claims = tuple(CountClaim(e.kind, e.count, e.count > 1, e.color) for e in entities)
    else:
        claims = numbers_in(prompt.text)
    return claims if any(claim.exact for claim in claims) else ()


def numbers_in(text: str) -> tuple[CountClaim, ...]:
    """Counted things of a text, by `NUMBER_RULE`."""
    tokens = _TOKEN.findall(_LEAD.sub("", " ".join(text.lower().split())))
    claims = []
    for place, word in enumerate(tokens):
        count = 1 if word in ("a", "an") else _NUMBERS.get(word) or (int(word) if word.isdecimal() else 0)
        noun = _counted(tokens[place + 1 :], count)
        if count > 0 and noun:
            claims.append(CountClaim(noun, count, word not in ("a", "an")))
    return tuple(claims)


def _counted(tokens: list[str], count: int) -> str:
    """What is counted: of many up to the first plural, of one up to a verb in -ed or another word's kind."""
    words: list[str] = []
    for token in tokens[:_MOST_WORDS]:
        if token in _ENDS or not token[0].isalpha() or (count == 1 and words and token.endswith("ed")):
            break
        words.append(token)
        if count > 1 and (_singular(token) != token or token in _SAME):
            return singular(" ".join(words))
    return " ".join(words) if count == 1 else ""


def merged(claims: tuple[CountClaim, ...]) -> tuple[CountClaim, ...]:
    """Claims about the same noun as one, colours left out: for detectors that tell no colours."""
    totals: Counter[str] = Counter()
    for claim in claims:
        totals[claim.noun] += claim.count
    return tuple(
        CountClaim(noun, total, all(claim.exact for claim in claims if claim.noun == noun))
        for noun, total in totals.items()
    )


def singular(noun: str) -> str:
    """One of many: "coat racks" -> "coat rack"."""
    *front, last = noun.split()
    return " ".join([*front, _singular(last)])


def _singular(word: str) -> str:
    if word in _IRREGULAR or word in _SAME:
        return _IRREGULAR.get(word, word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word.removesuffix("s") if not word.endswith("ss") else word


def bare(phrase: str) -> str:
    """A noun phrase without its article and punctuation."""
    return _ARTICLE.sub("", phrase.strip(" .,;:!?\"'"))
