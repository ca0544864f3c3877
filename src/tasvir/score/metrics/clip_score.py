"""CLIPScore: the cosine of a picture's and a text's embedding (Hessel et al. 2021).

cos(E_picture, E_text), both of length 1, in single precision, neither scaled nor clipped. It says how near
text and picture are as bags of things; attributes, numbers and relations move it little, so models differ by
a few hundredths (docs/metrics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.batches import once, score_readable

if TYPE_CHECKING:
    from tasvir.models.image_text.clip import Clip


class ClipScoreMetric(Metric):
    """Cosine of picture and prompt in a CLIP model, clip-score:MODEL; raw, -1 to 1.

    Args:
        model: "embedded", a hub id or a folder.
        load: How it is loaded.
        prefix: Words put before every prompt ("A photo depicts " is Hessel's).
    """

    name: ClassVar[str] = "clip-score"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        prefix: str = "",
    ) -> None:
        self.model, self._load, self._prefix = model, load, prefix

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "prefix": self._prefix, "encoder": self._encoder.identity}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`.

        The details hold "aspect" (width over height: what is not square is cropped by most models) and
        "truncated" (the model does not read the whole text).
        """
        return score_readable(self.label, prompts, pictures, self._scores)

    def _scores(self, prompts: list[SuitePrompt], images: list[Image.Image]) -> list[Score]:
        texts = [self._prefix + prompt.text for prompt in prompts]
        found = cosines(self._encoder, texts, images)
        return [self._score(*one) for one in zip(found, texts, images, strict=True)]

    def _score(self, cosine: float, text: str, image: Image.Image) -> Score:
        cut = self._encoder.truncated(text)
        reason = "the end of the text was not read: it is too long for this model" if cut else ""
        details = {"aspect": round(image.width / image.height, 4), "truncated": cut}
        return Score(self.label, cosine, reason, details)

    @cached_property
    def _encoder(self) -> Clip:
        from tasvir.models.image_text.clip import open_clip

        return open_clip(self.model, self._load)


def cosines(encoder: Clip, texts: Sequence[str], images: Sequence[Image.Image]) -> list[float]:
    """Cosines of n texts with n pictures; each distinct text and picture is embedded once."""
    rows = once(texts, lambda some: np.asarray(encoder.embed_texts(some)))
    columns = once(images, lambda some: np.asarray(encoder.embed_pictures(some)), key=id)
    return [float(np.dot(a, b)) for a, b in zip(rows, columns, strict=True)]
