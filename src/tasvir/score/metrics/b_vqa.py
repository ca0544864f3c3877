"""B-VQA: is each thing of the prompt in the picture? Noun phrase by noun phrase, the answers multiplied.

Value = product over phrases of P(yes | picture, "<phrase>?") (Huang et al. 2023, T2I-CompBench,
"disentangled"). The official code rounds, stops after eight phrases and gives a text without phrases full
marks; here nothing is rounded or cut and such a text has no value. `b-vqa-upstream` is the official
behaviour.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image

from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.asking import geometric_mean, ready, yes_shares
from tasvir.score.base import Metric
from tasvir.score.batches import score_readable
from tasvir.score.phrases import Phrases, open_chunker, phrases_of, sources

if TYPE_CHECKING:
    from tasvir.models.image_text.answerer import Answerer

MOST_WORDS = 50
"""Of a question, as in the official code."""
_STRIPPED = re.compile(r"[.!\"()*#:;~]")


class BVqaMetric(Metric):
    """Product of P(yes) over the prompt's noun phrases, b-vqa:MODEL.

    Args:
        model: "embedded", or a BLIP question model by hub id or folder.
        load: How it is loaded.
        chunker: Where the suite gives no phrases: "rules", "spacy" or "auto" (see `tasvir.score.phrases`).
        size: Side in pixels that pictures are squashed to (480 in the official code); None = the model's own.

    Raises:
        SettingError: No such chunker.
    """

    name: ClassVar[str] = "b-vqa"
    pronouns: ClassVar[bool] = False

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        chunker: str = "auto",
        size: int | None = None,
    ) -> None:
        self.model, self._load, self._size = model, load, size
        self._chunker = open_chunker(chunker, pronouns=self.pronouns)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        asked = {"phrases": self.sources(), "question": "<phrase>?", "words": MOST_WORDS}
        return {**super().recipe, **asked, "answerer": self._answerer.identity}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`.

        The details hold "phrases" ([phrase, p] pairs), "source" (of the phrases), "min" and "geometric_mean".
        """
        return score_readable(self.label, prompts, pictures, self._scores)

    def sources(self) -> list[str]:
        """Where phrases may come from, for the recipe."""
        return sources(self._chunker)

    def phrases(self, prompt: SuitePrompt) -> Phrases:
        """What is asked of a prompt's picture."""
        return phrases_of(prompt, self._chunker)

    def score(self, phrases: Phrases, found: list[float]) -> Score:
        """The value from each phrase's p."""
        if not found:
            return Score(self.label, None, "no noun phrase was found in the text, so nothing was asked")
        if any(map(math.isnan, found)):
            return Score(self.label, None, "the model thinks neither yes nor no possible as an answer")
        details = {
            "phrases": [[phrase, ready(p)] for phrase, p in zip(phrases.found, found, strict=True)],
            "source": phrases.source,
            "min": ready(min(found)),
            "geometric_mean": ready(geometric_mean(found)),
        }
        least = phrases.found[found.index(min(found))]
        return Score(self.label, math.prod(found), f"least sure of: {least} ({min(found):.2f})", details)

    def _scores(self, prompts: list[SuitePrompt], images: list[Image.Image]) -> list[Score]:
        asked = [self.phrases(prompt) for prompt in prompts]
        pairs = [
            (image, question_of(phrase))
            for image, phrases in zip(images, asked, strict=True)
            for phrase in phrases.found
        ]
        found = iter(yes_shares(self._answerer, pairs))
        return [self.score(phrases, [next(found) for _ in phrases.found]) for phrases in asked]

    @cached_property
    def _answerer(self) -> Answerer:
        from tasvir.models.image_text.answerer import open_answerer

        return open_answerer(self.model, self._load, self._size)


def question_of(phrase: str) -> str:
    """ "<phrase>?" in the official form: lower case, some punctuation stripped, at most 50 words."""
    words = _STRIPPED.sub("", phrase.lower()).split()
    return " ".join(words[:MOST_WORDS]) + "?"
