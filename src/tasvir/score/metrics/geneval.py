"""GenEval: are the things there, in their number, colours and places? All or nothing, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tasvir.errors import SettingError
from tasvir.models.load import LoadSettings
from tasvir.records import Score, SuitePrompt
from tasvir.score.detecting import DetectorMetric, View, evidence
from tasvir.score.geneval_rules import COLORS, Requirement, Requirements, from_facts, positions_of
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.spatial import to_pixels

if TYPE_CHECKING:
    from tasvir.models.detection.base import Detection
    from tasvir.models.detection.colors import ColorNamer

MOST = 16
"""Things of a kind that are looked at."""
Groups = Mapping[str, Sequence["Detection"]]


class GenEvalMetric(DetectorMetric[Requirements]):
    """GenEval's rules: 1 if everything required is there and nothing excluded, else 0, with reasons.

    Args:
        model: See `DetectorMetric`.
        load: How it is opened.
        confidence: Score above which a detection counts; None = the detector's own. GenEval's is 0.3, but of
            a Mask2Former that is not one of the detectors here.
        counting_confidence: The same for prompts about numbers; None = as ``confidence``. GenEval's is 0.9.
        colors: A CLIP (hub id or folder) that names the colours of things cut out by their boxes; "" = the
            detector does, if it can. GenEval cuts out along outlines, which no detector here has.
    """

    name: ClassVar[str] = "geneval"

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        confidence: float | None = None,
        counting_confidence: float | None = None,
        colors: str = "",
    ) -> None:
        super().__init__(model, load, confidence)
        if counting_confidence is not None and not 0 <= counting_confidence < 1:
            raise SettingError(
                f"counting_confidence is {counting_confidence}: a number from 0 to below 1 is meant"
            )
        self._counting = counting_confidence
        self._namer_model = colors

    @property
    def recipe(self) -> dict[str, Any]:
        namer = self._namer.identity if self._namer_model else "the detector"
        return {**super().recipe, "counting confidence": self.counting_confidence, "colors": namer}

    @property
    def counting_confidence(self) -> float:
        """Score above which a detection counts for prompts about numbers."""
        return self.confidence if self._counting is None else self._counting

    @property
    def least(self) -> float:
        return min(self.confidence, self.counting_confidence)

    def ask(self, prompt: SuitePrompt) -> Requirements:
        required = from_facts(prompt.facts)
        if required is None:
            raise UnmeasurableError(
                "the suite does not say in GenEval's form what a picture of this prompt must show"
            )
        self.words(required)
        return required

    def words(self, question: Requirements) -> Sequence[str]:
        nouns = [each.noun for each in question.include] + [noun for noun, _ in question.exclude]
        return [self.word_for(noun) for noun in nouns]

    def judge(self, question: Requirements, view: View) -> Score:
        groups = self._groups(question, view)
        faults: list[str] = []
        met: list[Sequence[Detection] | None] = []
        for required in question.include:
            fault, members = self._met(required, groups, met, view)
            faults += fault
            met.append(None if fault else members)
        for noun, count in question.exclude:
            number = len(groups.get(self.word_for(noun), ()))
            if number >= count:
                faults.append(f"{number} {noun} instead of fewer than {count}")
        details = {"faults": faults, "seen": {word: evidence(group) for word, group in groups.items()}}
        reason = "; ".join(faults) or "everything is there"
        return Score(self.label, float(not faults), reason, details)

    def _groups(self, question: Requirements, view: View) -> dict[str, list[Detection]]:
        least = self.counting_confidence if question.counts else self.confidence
        sure = [one for one in view.found if one.score > least]
        words = dict.fromkeys(self.words(question))
        return {word: [one for one in sure if one.label == word][:MOST] for word in words}

    def _met(
        self,
        required: Requirement,
        groups: Groups,
        met: Sequence[Sequence[Detection] | None],
        view: View,
    ) -> tuple[list[str], Sequence[Detection]]:
        """What is wrong about one requirement, at most one fault, and the surest things for it."""
        noun, count = required.noun, required.count
        members = groups[self.word_for(noun)][:count]
        if len(members) < count:
            return [f"{len(members)} {noun} instead of {count}"], members
        if required.color is not None:
            colors = self._colors(members, noun, view)
            if colors.count(required.color) < count:
                return [f"{noun} {', '.join(colors)} instead of {required.color}"], members
        if required.position is not None:
            relation, place = required.position
            others = met[place]
            if others is None:
                return [f"nothing that {noun} could be {relation}"], members
            size = view.image.size
            for a in members:
                for b in others:
                    held = positions_of(to_pixels(a.box, size), to_pixels(b.box, size))
                    if relation not in held:
                        found = " and ".join(sorted(held)) or "at"
                        return [f"{noun} {found} {b.label} instead of {relation}"], members
        return [], members

    @property
    def _namer(self) -> ColorNamer:
        from tasvir.models.detection.colors import open_colors

        return open_colors(self._namer_model, self.load)

    def _colors(self, members: Sequence[Detection], noun: str, view: View) -> list[str]:
        if self._namer_model:
            return self._namer.name(view.image, [one.box for one in members], noun, COLORS)
        if not self.detector.tells_colors:
            raise UnmeasurableError(
                f"the detector {self.model} tells no colours: name a CLIP that does with --set colors=MODEL"
            )
        return [one.color or "unknown" for one in members]
