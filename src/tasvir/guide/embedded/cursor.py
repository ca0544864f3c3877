"""A place in the words of a text: what can be read there, and taking it."""

from __future__ import annotations

from tasvir.errors import LanguageError
from tasvir.guide.embedded.vocabulary import OTHER_GUIDE, Role, Word, match

ADJECTIVES: tuple[Role, ...] = ("color", "surface", "size")


class Cursor:
    """Moves over a text from left to right.

    Args:
        words: From `vocabulary.tokens`.
    """

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    def peek(self, *roles: Role) -> tuple[int, Word] | None:
        """The longest reading here, if one of its meanings has such a role."""
        readings = self.readings()
        longest = [found for found in readings if found[0] == readings[0][0]]
        return next((found for found in longest if found[1].role in roles), None)

    def readings(self) -> list[tuple[int, Word]]:
        """What can be read here, longest first; a relation only where a thing follows it.

        So "sitting on the right of a tree" is read as "sitting" and "on the right of".
        """
        return [
            (size, word)
            for size, word in match(self.words, self.at)
            if word.role != "relation" or self.thing_at(self.at + size)
        ]

    def thing_at(self, at: int) -> bool:
        """Whether a noun phrase begins at a place."""
        if self.noun_at(at):
            return True
        heads = [(size, word.role) for size, word in match(self.words, at)]
        if any(role in ("article", "definite", "possessive", "number", "pronoun") for _, role in heads):
            return any(self.noun_at(at + size) or role == "pronoun" for size, role in heads) or (
                any(role == "definite" and self.thing_at(at + size) for size, role in heads)
            )
        return False

    def take(self, *roles: Role) -> Word | None:
        """Read on, if what is here has such a role."""
        found = self.peek(*roles)
        if found is None or (found[1].role == "scene" and not self.is_scene(found[0])):
            return None
        self.at += found[0]
        return found[1]

    def is_scene(self, size: int) -> bool:
        """A background's noun heads a text ("a park with a dog"); it is no thing anywhere else."""
        rest = match(self.words, self.at + size)
        return not rest or any(word.role in ("with", "absence", "join") for _, word in rest)

    def noun_at(self, at: int) -> bool:
        """Whether an adjective or a kind is at a place."""
        roles = {word.role for _, word in match(self.words, at)}
        return bool(roles & {"kind", "plural", "pose", *ADJECTIVES})

    def stuck(self) -> LanguageError:
        """The error for a text that cannot be read on."""
        rest = " ".join(self.words[self.at : self.at + 6]).replace(" ,", ",")
        return self.refusal(f"it cannot be read from {rest!r} on")

    def refusal(self, why: str) -> LanguageError:
        """The error for a text of known words that makes no sentence."""
        text = " ".join(self.words).replace(" ,", ",")
        return LanguageError(
            f"the embedded guide knows the words of {text!r} but {why}. Its sentences are like 'a red car "
            "left of a dog' and 'a woman is holding an umbrella and a bus is behind her'. "
            f"Reword the prompt, or {OTHER_GUIDE}"
        )
