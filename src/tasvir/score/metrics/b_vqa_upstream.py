"""B-VQA as T2I-CompBench's official code measures it (since 2023-12-02), its defects included.

Each phrase's P(yes) is rounded to 4 decimals, at most eight phrases count, a text without phrases gets 1, and
phrases come from the text alone, so that what a text rules out ("no dogs") is asked for all the same, and so
are pronouns ("it?") where spaCy finds the phrases.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tasvir.records import Score, SuitePrompt
from tasvir.score.asking import ready
from tasvir.score.metrics.b_vqa import BVqaMetric
from tasvir.score.phrases import Phrases

MOST_PHRASES = 8
"""np_num; it was 2 before 2023-12-02, and values of the two do not compare."""
_SKIPPED = ("top", "the side", "the left", "the right")


class BVqaUpstreamMetric(BVqaMetric):
    """B-VQA in the behaviour of T2I-CompBench's own code, b-vqa-upstream:MODEL."""

    name: ClassVar[str] = "b-vqa-upstream"
    pronouns: ClassVar[bool] = True

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "np_num": MOST_PHRASES, "decimals": 4, "skipped": list(_SKIPPED)}

    def sources(self) -> list[str]:
        return ["facts", self._chunker.name]

    def phrases(self, prompt: SuitePrompt) -> Phrases:
        given = prompt.facts.get("phrases")
        found = self._chunker.chunk(prompt.text) if given is None else map(str, given)
        kept = [phrase for phrase in found if phrase.lower() not in _SKIPPED][:MOST_PHRASES]
        return Phrases(tuple(kept), self._chunker.name if given is None else "facts")

    def score(self, phrases: Phrases, found: list[float]) -> Score:
        if any(map(math.isnan, found)):
            return super().score(phrases, found)
        rounded = [round(p, 4) for p in found]
        details = {
            "phrases": [[phrase, ready(p)] for phrase, p in zip(phrases.found, rounded, strict=True)],
            "source": phrases.source,
        }
        reason = "" if found else "no noun phrase was found in the text: the official code says 1"
        return Score(self.label, math.prod(rounded), reason, details)
