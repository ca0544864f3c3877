"""VQAScore: how sure a question model is that the picture shows the whole text (Lin et al. 2024).

P(yes) / (P(yes) + P(no)) from the first word of the answer to one question with the text in it. Published
values come from CLIP-FlanT5; another question model gives other values, and rankings turn with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image

from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.asking import yes_shares
from tasvir.score.base import Metric
from tasvir.score.batches import score_readable

if TYPE_CHECKING:
    from tasvir.models.image_text.answerer import Answerer

TEMPLATE = 'Does this figure show "{}"? Please answer yes or no.'


class VqaScoreMetric(Metric):
    """P(yes) to whether the picture shows the prompt, vqa-score:MODEL.

    Args:
        model: "embedded", or a BLIP question model by hub id or folder.
        load: How it is loaded.
    """

    name: ClassVar[str] = "vqa-score"

    def __init__(self, model: str, load: LoadSettings = LoadSettings()) -> None:  # noqa: B008  # frozen
        self.model, self._load = model, load

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "template": TEMPLATE, "answerer": self._answerer.identity}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`."""
        return score_readable(self.label, prompts, pictures, self._scores)

    def _scores(self, prompts: list[SuitePrompt], images: list[Image.Image]) -> list[Score]:
        questions = [TEMPLATE.replace("{}", prompt.text) for prompt in prompts]
        return [
            Score(self.label, None, "the model thinks neither yes nor no possible as an answer")
            if math.isnan(share)
            else Score(self.label, share)
            for share in yes_shares(self._answerer, list(zip(images, questions, strict=True)))
        ]

    @cached_property
    def _answerer(self) -> Answerer:
        from tasvir.models.image_text.answerer import open_answerer

        return open_answerer(self.model, self._load)
