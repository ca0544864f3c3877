"""BLIP-CLIP: write down what the picture shows, and compare the two texts (Chefer et al. 2023, section 4).

cos(E_text(caption of the picture), E_text(prompt)) with a CLIP text encoder. The caption is written by beam
search without chance and kept: it explains the value. A captioner leaves attributes out, and two texts about
the same things are near each other whatever happens in them: the values stand far above those of clip-score
and are never put together with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasvir.errors import SettingError
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.batches import once, score_readable
from tasvir.score.model_names import several

if TYPE_CHECKING:
    from tasvir.models.image_text.captioner import Captioner
    from tasvir.models.image_text.clip import Clip


class BlipClipMetric(Metric):
    """Cosine of a caption of the picture and the prompt, blip-clip:CAPTIONER+ENCODER.

    Args:
        model: "embedded", or a captioner and a CLIP model (hub ids or folders) joined by "+".
        load: How they are loaded.
        templates: A text file with a sentence a line, "{}" in each: the prompt's embedding is then the
            mean over all sentences that it is put into (Attend-and-Excite takes the 80 of CLIP's ImageNet
            experiment). None compares the plain prompt.

    Raises:
        SettingError: Not two models, or no such templates.
    """

    name: ClassVar[str] = "blip-clip"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        templates: str | None = None,
    ) -> None:
        self.model, self._load = model, load
        self._names = several(self.name, model, ("CAPTIONER", "ENCODER"))
        self._templates = ["{}"] if templates is None else _templates(Path(templates))

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        templates = hashlib.sha256("\n".join(self._templates).encode()).hexdigest()
        models = {"captioner": self._captioner.identity, "encoder": self._encoder.identity}
        return {**super().recipe, **models, "templates": [len(self._templates), templates]}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`. The details hold "caption"."""
        return score_readable(self.label, prompts, pictures, self._scores)

    def _scores(self, prompts: list[SuitePrompt], images: list[Image.Image]) -> list[Score]:
        captions = once(images, self._captioner.caption, key=id)
        shown = once(captions, lambda texts: np.asarray(self._encoder.embed_texts(texts)))
        asked = once([prompt.text for prompt in prompts], self._embedded)
        return [
            Score(self.label, float(np.dot(a, b)), f"seen as: {text}", {"caption": text})
            for a, b, text in zip(shown, asked, captions, strict=True)
        ]

    def _embedded(self, texts: list[str]) -> NDArray[np.floating[Any]]:
        """Mean over the templates, of length 1: [n, d]."""
        filled = [template.replace("{}", text) for text in texts for template in self._templates]
        rows = np.asarray(self._encoder.embed_texts(filled)).reshape(len(texts), len(self._templates), -1)
        mean = rows.mean(axis=1)
        unit: NDArray[np.floating[Any]] = mean / np.linalg.norm(mean, axis=-1, keepdims=True)
        return unit

    @cached_property
    def _captioner(self) -> Captioner:
        from tasvir.models.image_text.captioner import open_captioner

        return open_captioner(self._names[0], self._load)

    @cached_property
    def _encoder(self) -> Clip:
        from tasvir.models.image_text.clip import open_clip

        return open_clip(self._names[1], self._load)


def _templates(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as problem:
        raise SettingError(f"templates: {path} cannot be read: {problem}") from problem
    wrong = [line for line in lines if "{}" not in line]
    if wrong or not lines:
        said = f"{wrong[0]!r} has no {{}}" if wrong else "it is empty"
        raise SettingError(f"templates: {path} needs a sentence a line with {{}} for the prompt; {said}")
    return lines
