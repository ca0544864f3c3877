"""B-VQA-naive: the whole prompt as one question (the plain variant of Huang et al. 2023)."""

from __future__ import annotations

from typing import ClassVar

from tasvir.records import SuitePrompt
from tasvir.score.metrics.b_vqa import BVqaMetric
from tasvir.score.phrases import Phrases


class BVqaNaiveMetric(BVqaMetric):
    """P(yes) to the whole prompt as a question, b-vqa-naive:MODEL."""

    name: ClassVar[str] = "b-vqa-naive"

    def sources(self) -> list[str]:
        return ["whole text"]

    def phrases(self, prompt: SuitePrompt) -> Phrases:
        return Phrases((prompt.text,), "whole text")
