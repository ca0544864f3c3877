"""T2I-CompBench's numeracy score as the official code computes it, defects included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasvir.records import Box, Score, SuitePrompt
from tasvir.score.claims import NUMBER_RULE, CountClaim, count_claims, merged
from tasvir.score.counting import upstream_same
from tasvir.score.detecting import DetectorMetric, View, evidence
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.spatial import to_pixels

Claims = tuple[CountClaim, ...]
RENAMED = {
    "boy": "person", "girl": "person", "man": "person", "woman": "person", "ship": "boat",
    "goldfish": "fish", "painting": "picture",
}  # fmt: skip


class NumeracyUpstreamMetric(DetectorMetric[Claims]):
    """T2I-CompBench's numeracy score with the official rules and defects, by another detector than theirs.

    1/(2n) for each of n things that is there, 1/(2n) where exactly so many are, also for "a". Boxes of one
    label are one thing if one covers 0.9 of the other. Where a label is missing, all labels that contain
    the word are taken for it ("car" counts carrots). Colours are not looked at.
    """

    name: ClassVar[str] = "numeracy-upstream"
    default_confidence = 0.5

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "text rule": NUMBER_RULE}

    def ask(self, prompt: SuitePrompt) -> Claims:
        claims = merged(count_claims(prompt))
        if not claims:
            raise UnmeasurableError("the prompt states no number; the official code divides by 0 there")
        return claims

    def words(self, question: Claims) -> Sequence[str]:
        return [self._renamed(claim.noun) for claim in question]

    def judge(self, question: Claims, view: View) -> Score:
        labels = self._labels(view)
        value = 0.0
        parts = []
        for claim, word in zip(question, self.words(question), strict=True):
            if word not in labels:
                labels = [word if word in label else label for label in labels]
            count = labels.count(word)
            value += ((count > 0) + (count == claim.count)) / (2 * len(question))
            parts.append({"thing": word, "wanted": claim.count, "seen": count})
        reason = "; ".join(f"{part['seen']} {part['thing']} of {part['wanted']}" for part in parts)
        return Score(self.label, value, reason, {"things": parts, "seen": evidence(view.found)})

    def _labels(self, view: View) -> list[str]:
        """Labels of the detections that are things of their own."""
        kept: list[tuple[str, Box]] = []
        for one in view.found:
            box = to_pixels(one.box, view.image.size)
            if not any(label == one.label and upstream_same(box, other) for label, other in kept):
                kept.append((one.label, box))
        return [label for label, _ in kept]

    def _renamed(self, noun: str) -> str:
        """The official detector's word, here where the detector has it."""
        renamed = RENAMED.get(noun, noun)
        return renamed if self.detector.knows(renamed) else noun
