"""Noun phrases of an English prompt by rules, where no suite and no parser gives them.

A phrase runs from its determiner, number or first content word to the word before a preposition, verb,
conjunction or comma. What is a verb is told by its ending, by short lists (`english`) and by its neighbours:
two phrases never touch, so the word before a determiner is one. Phrases are base noun phrases, as parsers
chunk them ("a group" and "friends" of "a group of friends"), without pronouns. How often it is right:
docs/metrics.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tasvir.score import english

NAME = "rules/1"
"""Counts up with every change of the rules or lists."""

_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|&|[.,;:!?()\"“”]")
_RELATIONAL = re.compile(r"\b(?:" + "|".join(english.RELATIONAL) + r")\b")
_OPEN_ENDINGS = ("ous", "ful", "less", "ive", "ic", "ish", "able", "ible", "al", "ant", "ent", "y")


@dataclass
class _Open:
    """The phrase that is being read."""

    words: list[str] = field(default_factory=list)
    determined: bool = False
    content: int = 0
    noun: bool = False
    predicate: bool = False


def noun_phrases(text: str) -> list[str]:
    """Noun phrases in the order of the text, lower case.

    Args:
        text: An English prompt or sentence.
    """
    return [" ".join(phrase) for phrase in _Reader(text).phrases()]


def without_adjectives(text: str) -> str:
    """The text without the adjectives in its noun phrases, lower case, one space between words.

    A word counts as adjective where it stands before its phrase's last word and `is_adjective` or a
    participle.
    """
    dropped: list[tuple[str, str]] = []
    for phrase in noun_phrases(text):
        kept = [w for w in phrase.split()[:-1] if not (is_adjective(w) or is_participle(w) or w == "and")]
        dropped.append((phrase, " ".join([*kept, phrase.split()[-1]])))
    lowered, place, parts = text.lower(), 0, []
    for phrase, shorter in dropped:
        found = re.compile(r"[\s,]+".join(re.escape(word) for word in phrase.split())).search(lowered, place)
        if found is not None:
            parts += [lowered[place : found.start()], shorter]
            place = found.end()
    return " ".join("".join([*parts, lowered[place:]]).split())


def is_adjective(word: str) -> bool:
    """Whether a word is usually an adjective in a prompt, by list or ending."""
    if word in english.ADJECTIVES:
        return True
    if word in english.NOUNS_LIKE_ADJECTIVES or len(word) < 5 or word.endswith("ity"):
        return False
    return word.endswith(_OPEN_ENDINGS) or ("-" in word and word.endswith("ed"))


def is_participle(word: str) -> bool:
    """Whether a word may be a participle ("polished", "falling"), which is an adjective or a verb."""
    if word in english.NOUNS_IN_ED_OR_ING or len(word) < 5 or word.endswith("eed"):
        return False
    return word.endswith(("ed", "ing"))


class _Reader:
    """Goes through the words of one text once."""

    def __init__(self, text: str) -> None:
        marked = _RELATIONAL.sub(" of ", text.lower())
        self._words = _TOKEN.findall(marked)
        self._found: list[list[str]] = []
        self._open = _Open()
        self._before = ""

    def phrases(self) -> list[list[str]]:
        for place, word in enumerate(self._words):
            self._read(word, self._words[place + 1] if place + 1 < len(self._words) else "")
            self._before = word
        self._close()
        return self._found

    def _read(self, word: str, after: str) -> None:
        if word in english.DETERMINERS or word in english.NUMBERS or word.isdigit():
            self._begin(word)
        elif word == "and" and self._joins(after):
            self._open.words.append(word)
        elif word == "," and self._open.content and not self._open.noun and _continues(after):
            return
        elif self._ends(word) or self._is_verb(word, after):
            self._close()
        elif _is_adverb(word):
            if self._open.words and not self._open.noun and _continues(after):
                self._open.words.append(word)
            else:
                self._close()
        else:
            self._add(word)

    def _begin(self, word: str) -> None:
        """A determiner or number: what stood directly before it in an open phrase was a verb."""
        if self._open.content:
            words = self._open.words
            if len(words) > 1 and self._open.content > 1 and words[-1] not in english.NUMBERS:
                words.pop()
            elif not self._open.determined:
                self._open = _Open()
            self._close()
        self._open.words.append(word)
        self._open.determined = True

    def _joins(self, after: str) -> bool:
        """ "black and white cat": "and" between adjectives before a noun."""
        last = self._open.words[-1] if self._open.words else ""
        return bool(self._open.content) and not self._open.noun and is_adjective(last) and is_adjective(after)

    def _ends(self, word: str) -> bool:
        return (
            not word[0].isalnum()
            or word in english.PREPOSITIONS
            or word in english.CONJUNCTIONS
            or word in english.PRONOUNS
            or word in english.AUXILIARIES
        )

    def _is_verb(self, word: str, after: str) -> bool:
        if self._open.noun:
            return word in english.VERBS or is_participle(word)
        if self._open.words:  # a participle before its noun, or "the injured"
            return False
        if self._before == "to" and not is_adjective(word):
            return True
        if self._before in english.AUXILIARIES or _is_adverb(self._before):
            return is_participle(word) or not _continues(after)
        return is_participle(word) and not (self._before in english.PREPOSITIONS and _continues(after))

    def _add(self, word: str) -> None:
        if not self._open.words:
            self._open.predicate = self._before in english.AUXILIARIES or _is_adverb(self._before)
        self._open.words.append(word)
        self._open.content += 1
        self._open.noun = self._open.noun or not (is_adjective(word) or is_participle(word))

    def _close(self) -> None:
        phrase, self._open = self._open, _Open()
        bare = phrase.content and not phrase.predicate and phrase.words[-1] not in english.ADJECTIVES
        if phrase.noun or (phrase.determined and phrase.content) or bare:
            self._found.append(phrase.words)


def _is_adverb(word: str) -> bool:
    return word in english.ADVERBS or (
        word.endswith("ly") and len(word) > 4 and word not in english.NOT_ADVERBS
    )


def _continues(after: str) -> bool:
    """Whether a phrase can go on with this word."""
    return (
        bool(after)
        and after[0].isalpha()
        and not (
            after in english.DETERMINERS
            or after in english.PREPOSITIONS
            or after in english.CONJUNCTIONS
            or after in english.PRONOUNS
            or after in english.AUXILIARIES
            or _is_adverb(after)
        )
    )
