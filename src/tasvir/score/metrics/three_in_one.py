"""3-in-1, T2I-CompBench's score of complex prompts: the mean of those scores that a prompt calls for.

B-VQA always; the plane's relations by a detector where the prompt places things; CLIP's cosine, of the prompt
without its adjectives, where something happens. The cosine is near 0.3 whatever is drawn, so where it takes
part the rest moves the value; that is how the benchmark defines it (Huang et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from statistics import fmean
from typing import Any, ClassVar

from tasvir import registry
from tasvir.errors import RecordError
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score import noun_chunks
from tasvir.score.base import Metric
from tasvir.score.claims import PLANE, RELATION_RULE, relation_in
from tasvir.score.model_names import several
from tasvir.world.description import Description

PARTS = {
    "spatial": ("spatial", "attributes"),
    "action": ("clip", "attributes"),
    "spatial-action": ("spatial", "clip", "attributes"),
}
"""Scores that are averaged, by what a prompt is about (the fact "complex")."""


class ThreeInOneMetric(Metric):
    """Mean of B-VQA, 2D relations and CLIP by need, three-in-one:ANSWERER+DETECTOR+ENCODER.

    The parts are the metrics b-vqa, spatial-2d and clip-score, the mended ones.

    Args:
        model: "embedded", or a question model, a detector and a CLIP model joined by "+".
        load: How they are loaded.

    Raises:
        SettingError: Not three models.
    """

    name: ClassVar[str] = "three-in-one"
    bounds: ClassVar[tuple[float | None, float | None]] = (-0.5, 1.0)
    names: ClassVar[dict[str, str]] = {
        "attributes": "b-vqa",
        "spatial": "spatial-2d",
        "clip": "clip-score",
    }

    def __init__(self, model: str, load: LoadSettings = LoadSettings()) -> None:  # noqa: B008  # frozen
        self.model, self._load = model, load
        roles = several(self.name, model, ("ANSWERER", "DETECTOR", "ENCODER"))
        self._models = dict(zip(("attributes", "spatial", "clip"), roles, strict=True))

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        parts = {part: metric.recipe for part, metric in self._parts.items()}
        rules = ["facts", "description/1", RELATION_RULE]
        return {**super().recipe, "parts": parts, "about": rules, "adjectives": noun_chunks.NAME}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`.

        The details hold "about" (a key of `PARTS`) and "parts" (each score's value and reason). Where a part
        has no value the whole has none.
        """
        about = [about_what(prompt) for prompt in prompts]
        found: list[dict[str, Score]] = [{} for _ in prompts]
        for part, metric in self._parts.items():
            wanted = [place for place, what in enumerate(about) if part in PARTS[what]]
            asked = [_asked(part, prompts[place]) for place in wanted]
            for place, score in zip(
                wanted, metric.measure(asked, [pictures[i] for i in wanted]), strict=True
            ):
                found[place][part] = score
        return [self._score(what, parts) for what, parts in zip(about, found, strict=True)]

    def _score(self, about: str, parts: dict[str, Score]) -> Score:
        details = {
            "about": about,
            "parts": {part: [score.value, score.reason] for part, score in parts.items()},
        }
        missing = [f"{score.name}: {score.reason}" for score in parts.values() if score.value is None]
        if missing:
            return Score(self.label, None, "; ".join(dict.fromkeys(missing)), details)
        values = [score.value for score in parts.values() if score.value is not None]
        told = ", ".join(f"{part} {value:.2f}" for part, value in zip(parts, values, strict=True))
        return Score(self.label, fmean(values), told, details)

    @cached_property
    def _parts(self) -> dict[str, Metric]:
        return {
            part: registry.create("metrics", f"{name}:{self._models[part]}", Metric, load=self._load)
            for part, name in self.names.items()
        }


def about_what(prompt: SuitePrompt) -> str:
    """A key of `PARTS`: by the fact "complex", else by the claims of "description", else by the text.

    Raises:
        RecordError: The fact "complex" is none of them.
    """
    told = prompt.facts.get("complex")
    if told is not None:
        if told not in PARTS:
            raise RecordError(f"the fact 'complex' is {told!r}: expected one of {', '.join(PARTS)}")
        return str(told)
    if "description" in prompt.facts:
        names = {claim.name for claim in Description.from_dict(prompt.facts["description"]).claims}
        placed, acted = bool(names & set(PLANE)), bool(names - set(PLANE))
        return "spatial-action" if placed and acted else "spatial" if placed else "action"
    claim = relation_in(prompt.text)
    return "spatial" if claim is not None and claim.name in PLANE else "action"


def _asked(part: str, prompt: SuitePrompt) -> SuitePrompt:
    if part != "clip":
        return prompt
    return replace(prompt, text=noun_chunks.without_adjectives(prompt.text))
