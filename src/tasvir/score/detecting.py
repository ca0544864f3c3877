"""What all metrics have in common that look with a detector: one pass over pictures, words for things.

A subclass says what a prompt asks of a picture (`ask`), which words to look for (`words`) and what the
detections are worth (`judge`). Whatever cannot be measured is None with the reason.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasvir.errors import SettingError
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.claims import singular
from tasvir.score.pictures import UnmeasurableError, opened

if TYPE_CHECKING:
    from tasvir.models.detection.base import DepthEstimator, Detection, Detector

Question = TypeVar("Question")


@dataclass(frozen=True, slots=True)
class View:
    """What was seen of one picture.

    Args:
        image: The picture, RGB.
        found: Detections, best first.
        depth: [height, width] in 0..1, the larger the nearer, where the metric asks for depth.
    """

    image: Image.Image
    found: tuple[Detection, ...]
    depth: NDArray[np.float32] | None = None


class DetectorMetric(Metric, Generic[Question]):
    """Base of metrics that look with a detector.

    Args:
        model: "embedded" (sees the picture world alone), or hub id or folder of a detector.
        load: How it is opened.
        confidence: Score (0 to 1) above which a detection counts; None = `default_confidence`, and where that
            is None, too, the detector's own.

    Raises:
        SettingError: A confidence outside 0..1.
    """

    default_confidence: float | None = None

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        confidence: float | None = None,
    ) -> None:
        if confidence is not None and not 0 <= confidence < 1:
            raise SettingError(f"confidence is {confidence}: a number from 0 to below 1 is meant")
        self.model = model
        self.load = load
        self._confidence = self.default_confidence if confidence is None else confidence

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def detector(self) -> Detector:
        from tasvir.models.detection.opening import open_detector

        return open_detector(self.model, self.load)

    @property
    def confidence(self) -> float:
        """Score above which a detection counts."""
        return self.detector.threshold if self._confidence is None else self._confidence

    @property
    def least(self) -> float:
        """Score above which a detection is looked at."""
        return self.confidence

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "detector": self.detector.identity, "confidence": self.confidence}

    @abstractmethod
    def ask(self, prompt: SuitePrompt) -> Question:
        """What a prompt asks of its pictures.

        Raises:
            UnmeasurableError: Nothing that this metric measures.
        """

    @abstractmethod
    def words(self, question: Question) -> Sequence[str]:
        """What to look for."""

    @abstractmethod
    def judge(self, question: Question, view: View) -> Score:
        """The score of one picture.

        Raises:
            UnmeasurableError: It cannot be told.
        """

    def look(self, images: Sequence[Image.Image], words: Sequence[Sequence[str]]) -> list[View]:
        """See pictures; all of them at once, so that the detector can batch."""
        found = self.detector.detect(images, words, self.least)
        return [View(image, seen) for image, seen in zip(images, found, strict=True)]

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`."""
        scores: list[Score | None] = [None] * len(pictures)
        asked: list[tuple[int, Question, Image.Image]] = []
        for index, (prompt, picture) in enumerate(zip(prompts, pictures, strict=True)):
            try:
                asked.append((index, self.ask(prompt), opened(picture)))
            except UnmeasurableError as reason:
                scores[index] = Score(self.label, None, str(reason))
        words = [tuple(self.words(question)) for _, question, _ in asked]
        views = self.look([image for *_, image in asked], words) if asked else []
        for (index, question, _), view in zip(asked, views, strict=True):
            try:
                scores[index] = self.judge(question, view)
            except UnmeasurableError as reason:
                scores[index] = Score(self.label, None, str(reason), {"seen": evidence(view.found)})
        return [score for score in scores if score is not None]

    def word_for(self, phrase: str) -> str:
        """What the detector is asked for a phrase: all of it, or as much of its end as it knows.

        "brown coat racks" are "coat rack", else "rack", to a detector with a fixed vocabulary.

        Raises:
            UnmeasurableError: It knows no such thing.
        """
        parts = phrase.lower().split()
        ends = [" ".join(parts[start:]) for start in range(len(parts))]
        forms = (form for end in ends for form in (end, singular(end)))
        known = next((form for form in forms if self.detector.knows(form)), None)
        if known is None:
            raise UnmeasurableError(f"the detector {self.model} knows no {phrase!r}")
        return known


class DepthMetric(DetectorMetric[Question]):
    """Base of metrics that ask how near things are, too.

    Args:
        model: See `DetectorMetric`.
        load: How both models are opened.
        confidence: See `DetectorMetric`.
        depth: Hub id or folder of a depth estimator; "" = "embedded" beside the embedded detector.

    Raises:
        SettingError: There is no estimator beside another detector.
    """

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        confidence: float | None = None,
        depth: str = "",
    ) -> None:
        super().__init__(model, load, confidence)
        if not depth and model != "embedded":
            raise SettingError(
                f"{self.name}:{model} has no depth: name an estimator with --set depth=HUB_ID (a MiDaS, DPT "
                "or Depth Anything), or a folder with one"
            )
        self._depth = depth or "embedded"

    @property
    def estimator(self) -> DepthEstimator:
        from tasvir.models.detection.opening import open_depth

        return open_depth(self._depth, self.load)

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "depth": self.estimator.identity}

    def look(self, images: Sequence[Image.Image], words: Sequence[Sequence[str]]) -> list[View]:
        views = super().look(images, words)
        maps = self.estimator.depth(images)
        return [replace(view, depth=depth) for view, depth in zip(views, maps, strict=True)]


def evidence(found: Iterable[Detection]) -> list[dict[str, Any]]:
    """Detections, ready for JSON."""
    return [
        {
            "label": one.label,
            "score": round(one.score, 4),
            "box": [round(edge, 4) for edge in one.box.as_tuple()],
            **({} if one.color is None else {"color": one.color}),
        }
        for one in found
    ]
