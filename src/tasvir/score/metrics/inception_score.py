"""How sure a classifier is of each picture, and how varied what it sees (Salimans et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasvir.lab.distances.inception import inception_scores
from tasvir.records import Picture, SetScore
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.set_base import FeatureMetric

SPLITS = 10
A_SPLIT = 10
"""Pictures that a split has at least, if there is more than one."""


class InceptionScoreMetric(FeatureMetric):
    """Inception score: 1 where all pictures look alike or like nothing, at most the number of classes.

    No measure of alignment, and of the classifier's classes alone. The mean over 10 random splits, fewer
    where a split would have fewer than 10 pictures; the spread is over splits, with their number as divisor.
    """

    name: ClassVar[str] = "inception-score"
    bounds: ClassVar[tuple[float | None, float | None]] = (1.0, None)

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "splits": SPLITS, "a split at least": A_SPLIT, "seed": 0}

    def measure_set(self, pictures: Sequence[Picture]) -> SetScore:
        """See `SetMetric.measure_set`; the details hold the splits and the most that could come out."""
        try:
            seen, unreadable = self.features(pictures)
        except UnmeasurableError as problem:
            return self.missing(problem, len(pictures))
        chances = seen.probabilities
        if chances is None:
            return self.missing(
                f"{self.model} tells no classes: give a classifier, or inception:FILE", len(pictures)
            )
        n, classes = chances.shape
        splits = max(1, min(SPLITS, n // A_SPLIT))
        scores = inception_scores(chances, splits)
        most = min(n // splits, classes)
        details = {"splits": splits, "classes": classes, "most_possible": most, "unreadable": unreadable}
        spread = float(scores.std()) if splits > 1 else None
        reason = (
            f"{splits} splits of about {n // splits} pictures: at most {most} could come out; no interval"
        )
        return SetScore(self.label, float(scores.mean()), n, spread, None, reason, details)
