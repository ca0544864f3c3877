"""Soft-TIFA: how sure a question model is of the right answer, question by question (GenEval 2, 2025).

Each thing, attribute, number and relation of the prompt is a question (`tasvir.score.questions`); p is the
share of the right answer among those that are weighed against it. Value = geometric mean of p (Soft-TIFA GM:
one failed question spoils the picture); the arithmetic mean (Soft-TIFA AM) is in the details.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image

from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score import questions
from tasvir.score.asking import geometric_mean, ready, shares
from tasvir.score.base import Metric
from tasvir.score.batches import score_readable
from tasvir.score.phrases import open_chunker, sources
from tasvir.score.questions import Atom, questions_of

if TYPE_CHECKING:
    from tasvir.models.image_text.answerer import Answerer


class SoftTifaMetric(Metric):
    """Geometric mean of the right answers' shares over questions made of the prompt, soft-tifa:MODEL.

    Args:
        model: "embedded", or a BLIP question model by hub id or folder.
        load: How it is loaded.
        chunker: Where the suite gives neither a description nor phrases: see `tasvir.score.phrases`.

    Raises:
        SettingError: No such chunker.
    """

    name: ClassVar[str] = "soft-tifa"

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        chunker: str = "auto",
    ) -> None:
        self.model, self._load = model, load
        self._chunker = open_chunker(chunker)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        asked = {"questions": questions.NAME, "phrases": sources(self._chunker), "mean": "geometric"}
        return {**super().recipe, **asked, "answerer": self._answerer.identity}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`.

        The details hold "questions" ([question, right answer, kind, p] each) and "arithmetic_mean".
        """
        return score_readable(self.label, prompts, pictures, self._scores)

    def _scores(self, prompts: list[SuitePrompt], images: list[Image.Image]) -> list[Score]:
        asked = [questions_of(prompt, self._chunker) for prompt in prompts]
        found: dict[tuple[int, Atom], float] = {}
        for among in {atom.among for atoms in asked for atom in atoms}:
            wanted = [
                (place, atom) for place, atoms in enumerate(asked) for atom in atoms if atom.among == among
            ]
            rows = shares(self._answerer, [(images[place], atom.text) for place, atom in wanted], among)
            for (place, atom), row in zip(wanted, rows, strict=True):
                found[place, atom] = row[among.index(atom.answer)]
        return [
            self._score(atoms, [found[place, atom] for atom in atoms]) for place, atoms in enumerate(asked)
        ]

    def _score(self, atoms: tuple[Atom, ...], found: list[float]) -> Score:
        if not atoms:
            return Score(self.label, None, "no noun phrase was found in the text, so nothing was asked")
        if any(map(math.isnan, found)):
            return Score(self.label, None, "the model thinks none of a question's answers possible")
        details = {
            "questions": [[a.text, a.answer, a.kind, ready(p)] for a, p in zip(atoms, found, strict=True)],
            "arithmetic_mean": ready(fmean(found)),
        }
        least = atoms[found.index(min(found))]
        reason = f"least sure of: {least.text} {least.answer} ({min(found):.2f})"
        return Score(self.label, geometric_mean(found), reason, details)

    @cached_property
    def _answerer(self) -> Answerer:
        from tasvir.models.image_text.answerer import open_answerer

        return open_answerer(self.model, self._load)
