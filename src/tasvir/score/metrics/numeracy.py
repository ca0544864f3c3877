"""Are there as many of everything as the prompt says? T2I-CompBench's numeracy mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasvir.records import Score, SuitePrompt
from tasvir.score.claims import NUMBER_RULE, CountClaim, count_claims, merged
from tasvir.score.counting import without_doubles
from tasvir.score.detecting import DetectorMetric, View, evidence
from tasvir.score.pictures import UnmeasurableError

Claims = tuple[CountClaim, ...]


class NumeracyMetric(DetectorMetric[Claims]):
    """Presence and number of counted things by a detector; T2I-CompBench's numeracy with its defects mended.

    The mean over the things of a prompt: 1/2 where there is one at all, 1/2 where the number is right.
    """

    name: ClassVar[str] = "numeracy"

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "text rule": NUMBER_RULE}

    def ask(self, prompt: SuitePrompt) -> Claims:
        claims = count_claims(prompt)
        if not claims:
            raise UnmeasurableError("the prompt states no number")
        claims = claims if self.detector.tells_colors else merged(claims)
        self.words(claims)
        return claims

    def words(self, question: Claims) -> Sequence[str]:
        return [self.word_for(claim.noun) for claim in question]

    def judge(self, question: Claims, view: View) -> Score:
        kept = without_doubles(view.found)
        parts: list[dict[str, Any]] = []
        for claim in question:
            named = [one for one in kept if one.label == self.word_for(claim.noun)]
            count = sum(claim.color is None or one.color == claim.color for one in named)
            right = count == claim.count if claim.exact else count >= claim.count
            what = " ".join(filter(None, (claim.color, claim.noun)))
            said = {"thing": what, "wanted": claim.count, "exact": claim.exact, "seen": count}
            parts.append({**said, "value": ((count > 0) + right) / 2})
        value = sum(part["value"] for part in parts) / len(parts)
        wrong = [part for part in parts if part["value"] < 1]
        reason = "; ".join(f"{part['seen']} instead of {part['wanted']} {part['thing']}" for part in wrong)
        details = {"things": parts, "seen": evidence(kept)}
        return Score(self.label, value, reason or "every number is right", details)
