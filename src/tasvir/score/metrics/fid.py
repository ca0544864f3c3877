"""Fréchet distance between the features of two sets of pictures (FID, Heusel et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasvir.lab.distances.arrays import Estimate
from tasvir.lab.distances.frechet import BLOCKS, T_BLOCKS, frechet_distance, frechet_jackknife
from tasvir.records import Picture, SetScore
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.set_base import ReferenceMetric
from tasvir.score.statistics import around

CUSTOMARY = 10_000
"""Pictures a side of customary figures, at least."""


class FidMetric(ReferenceMetric):
    """FID: how far the features of a set are from those of a reference set, as Gaussians; 0 is best.

    Its bias is positive, falls about as 1 / n and differs between models: sets of unequal n are not compared,
    and sets below the number of features hardly mean anything. The interval tells how the value at this n
    would vary over other pictures of the same model, not where the value of endless n lies.
    """

    name: ClassVar[str] = "fid"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "interval": f"jackknife of {BLOCKS} blocks, seed 0"}

    def measure_set(self, pictures: Sequence[Picture]) -> SetScore:
        """See `SetMetric.measure_set`; the details hold the reference's hash and size and the bias."""
        try:
            reference = self.reference
            seen, unreadable = self.features(pictures)
        except UnmeasurableError as problem:
            return self.missing(problem, len(pictures))
        n = len(seen.values)
        enough = n >= 2 * BLOCKS
        if enough:
            found = frechet_jackknife(seen.values, reference.features)
        else:
            found = Estimate(frechet_distance(seen.values, reference.features))
        interval = None
        if found.error is not None:
            low, high = around(found.value, found.error, T_BLOCKS)
            interval = max(low, 0.0), high
        whole = min(n, len(reference.features)) > seen.values.shape[1]
        details = {**self.about(unreadable), "bias_by_jackknife": found.bias if whole else None}
        reason = _beware(n, len(reference.features), seen.values.shape[1])
        if not enough:
            reason += f"; no interval below {2 * BLOCKS} pictures"
        return SetScore(self.label, found.value, n, None, interval, reason, details)


def _beware(n: int, reference: int, dimension: int) -> str:
    """What to beware of at this many pictures."""
    least = min(n, reference)
    if least <= dimension:
        return (
            f"BEWARE: {least} pictures for {dimension} features: the covariance has not its full rank and "
            "most of the value is bias; compare only sets of the same n, and only roughly"
        )
    if least < CUSTOMARY:
        return f"{least} pictures: not comparable with figures from other numbers of pictures"
    return "comparable only with figures of the same reference set, number of pictures and features"
