"""Is everything where the prompt says, left, right, above, below, on, under, near? The rules mended."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

from tasvir.records import Box, Score, SuitePrompt
from tasvir.score.claims import PLANE, RELATION_RULE, SpatialClaim, spatial_claims
from tasvir.score.detecting import DetectorMetric, View, evidence
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.spatial import relation_2d, to_pixels

if TYPE_CHECKING:
    from tasvir.models.detection.base import Detection

Claims = tuple[SpatialClaim, ...]


class Spatial2DMetric(DetectorMetric[Claims]):
    """Relations in the plane by a detector's boxes; T2I-CompBench's 2D spatial with its defects mended.

    Of each claim (s1 + s2) / 4 + p / 2: s the detections' scores, p how far the relation holds
    (`tasvir.score.spatial.relation_2d`), s / 4 where only one of the two is there. The mean over all claims
    in the plane. Of several things of a name those two are taken of which the relation holds best.
    """

    name: ClassVar[str] = "spatial-2d"
    names: ClassVar[tuple[str, ...]] = PLANE

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "text rule": RELATION_RULE}

    def ask(self, prompt: SuitePrompt) -> Claims:
        claims = tuple(claim for claim in spatial_claims(prompt) if claim.name in self.names)
        if not claims:
            raise UnmeasurableError(f"the prompt claims none of: {', '.join(self.names)}")
        for claim in claims:
            self.words((claim,))
        return claims

    def words(self, question: Claims) -> Sequence[str]:
        return [self.word_for(end) for claim in question for end in (claim.subject, claim.object)]

    def judge(self, question: Claims, view: View) -> Score:
        parts = [self._claim(claim, view) for claim in question]
        value = sum(part["value"] for part in parts) / len(parts)
        reason = "; ".join(f"{part['claim']}: {part['reason']}" for part in parts)
        return Score(self.label, value, reason, {"claims": parts, "seen": evidence(view.found)})

    def holds(self, name: str, a: Box, b: Box, view: View) -> float:
        """How far a relation holds between two boxes in fractions, 0 to 1."""
        return relation_2d(name, to_pixels(a, view.image.size), to_pixels(b, view.image.size))

    def _claim(self, claim: SpatialClaim, view: View) -> dict[str, Any]:
        subjects, objects = (
            self._candidates(end, color, view)
            for end, color in zip((claim.subject, claim.object), claim.colors, strict=True)
        )
        said = {"claim": f"{claim.subject} {claim.words} {claim.object}", "relation": claim.name}
        pairs = [(a, b) for a, b in product(subjects, objects) if a is not b]
        if pairs:
            rated = [(self.holds(claim.name, a.box, b.box, view), a.score + b.score, a, b) for a, b in pairs]
            held, scores, a, b = max(rated, key=lambda pair: pair[:2])
            reason = f"holds {held:.2f}" if held else "does not hold"
            pair = evidence((a, b))
            return {**said, "value": scores / 4 + held / 2, "holds": held, "pair": pair, "reason": reason}
        best = max((one.score for one in (*subjects, *objects)), default=0.0)
        absent = [end for end, seen in ((claim.subject, subjects), (claim.object, objects)) if not seen]
        reason = f"not seen: {', '.join(absent) or 'a second ' + claim.object}"
        return {**said, "value": best / 4, "holds": None, "reason": reason}

    def _candidates(self, end: str, color: str | None, view: View) -> list[Detection]:
        """Things of a name, and of these those of the stated colour if there are any."""
        named = [one for one in view.found if one.label == self.word_for(end)]
        return [one for one in named if color is not None and one.color == color] or named
