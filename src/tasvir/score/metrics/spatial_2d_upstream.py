"""T2I-CompBench's 2D spatial score as the official code computes it, defects included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasvir.records import Box, Score, SuitePrompt
from tasvir.score.claims import PLANE, RELATION_RULE, UPSTREAM_WORDS, upstream_words
from tasvir.score.detecting import DetectorMetric, View, evidence
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.spatial import to_pixels, upstream_2d

Wanted = tuple[str | None, str, str]
PERSONS = frozenset({"girl", "boy", "man", "woman"})
CUT = 0.5
"""Smaller scores become 0."""


class Spatial2DUpstreamMetric(DetectorMetric[Wanted]):
    """T2I-CompBench's 2D spatial score with the official rules and defects, by another detector than theirs.

    (s1 + s2) / 4 + p / 2 of the first detections of either word, s / 4 where only one is there, and then 0
    if that is below 0.5. "on top of" has p = 0; "next to" asks for |dx| < 150 or |dy| < 150.
    """

    name: ClassVar[str] = "spatial-2d-upstream"
    default_confidence = 0.5
    names: ClassVar[tuple[str, ...]] = PLANE
    vocabulary: ClassVar[tuple[str, ...]] = UPSTREAM_WORDS

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "text rule": f"{RELATION_RULE}, last words"}

    def ask(self, prompt: SuitePrompt) -> Wanted:
        wanted = upstream_words(prompt, self.names, self.vocabulary)
        if wanted is None:
            raise UnmeasurableError(f"the prompt claims none of: {', '.join(self.names)}")
        words, subject, target = wanted
        return words, self._renamed(subject), self._renamed(target)

    def words(self, question: Wanted) -> Sequence[str]:
        return question[1:]

    def judge(self, question: Wanted, view: View) -> Score:
        words, subject, target = question
        a, b = self.pair(subject, target, view)
        seen = [view.found[index] for index in (a, b) if index is not None]
        held = None
        if a is not None and b is not None:
            held = self.holds(words or "", view.found[a].box, view.found[b].box, view)
            raw = (seen[0].score + seen[1].score) / 4 + held / 2
        else:
            raw = seen[0].score / 4 if seen else 0.0
        value = self.cut(raw)
        details = {
            "relation": words, "subject": subject, "object": target, "before the cut": raw, "holds": held,
            "pair": evidence(seen), "seen": evidence(view.found),
        }  # fmt: skip
        return Score(self.label, value, _reason(held, raw, value), details)

    def pair(self, subject: str, target: str, view: View) -> tuple[int | None, int | None]:
        """Places of the two detections that are taken, or None: the first whose label is the word."""
        labels = [one.label for one in view.found]
        first, second = (labels.index(word) if word in labels else None for word in (subject, target))
        return first, second

    def holds(self, words: str, a: Box, b: Box, view: View) -> float:
        """How far a relation holds between two boxes in fractions, 0 to 1."""
        return upstream_2d(words, to_pixels(a, view.image.size), to_pixels(b, view.image.size))

    def cut(self, raw: float) -> float:
        """What is left of a score."""
        return raw if raw >= CUT else 0.0

    def _renamed(self, word: str) -> str:
        """People are "person" to the official detector; here to one that has that word."""
        return "person" if word in PERSONS and self.detector.knows("person") else word


def _reason(held: float | None, raw: float, value: float) -> str:
    found = "not both things were seen" if held is None else f"the relation holds {held:.2f}"
    return found if value == raw else f"{found}; {raw:.2f} is cut to 0"
