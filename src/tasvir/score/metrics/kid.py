"""Kernel distance between the features of two sets of pictures (KID, Binkowski et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasvir.lab.distances.kernels import mmd_error, subset_mmds
from tasvir.records import Picture, SetScore
from tasvir.score.pictures import UnmeasurableError
from tasvir.score.set_base import ReferenceMetric
from tasvir.score.statistics import around

SUBSETS, LARGEST = 100, 1000
FEWEST = 3
"""Pictures a side from which there is an interval."""


class KidMetric(ReferenceMetric):
    """KID: unbiased squared discrepancy of a set's features from a reference set's; about 0 for equal sets.

    Unlike FID it has no bias at small n; it can come out below 0. The mean over 100 random subsets of
    min(n, reference, 1000) pictures. The spread is over these subsets, which share pictures: it is no
    standard error, and the interval is not made of it but of a jackknife over the pictures of both sets.
    """

    name: ClassVar[str] = "kid"
    bounds: ClassVar[tuple[float | None, float | None]] = (None, None)

    @property
    def recipe(self) -> dict[str, Any]:
        own = {"kernel": "(x.y / d + 1)^3", "subsets": SUBSETS, "largest subset": LARGEST, "seed": 0}
        return {**super().recipe, **own}

    def measure_set(self, pictures: Sequence[Picture]) -> SetScore:
        """See `SetMetric.measure_set`; the details hold the reference's hash and the subsets' size."""
        try:
            reference = self.reference
            seen, unreadable = self.features(pictures)
        except UnmeasurableError as problem:
            return self.missing(problem, len(pictures))
        x, y = seen.values, reference.features
        size = min(len(x), len(y), LARGEST)
        subsets = subset_mmds(x, y, size, SUBSETS)
        value = float(subsets.mean())
        enough = min(len(x), len(y)) >= FEWEST
        interval = around(value, mmd_error(x, y)) if enough else None
        details = {**self.about(unreadable), "subset_size": size, "subsets": SUBSETS}
        reason = f"{SUBSETS} subsets of {size}; the spread over them is no standard error"
        if size == len(x) == len(y):
            reason = f"every subset is the whole set of {size}, so there is no spread"
        if not enough:
            reason += f"; no interval below {FEWEST} pictures"
        return SetScore(self.label, value, len(x), float(subsets.std()), interval, reason, details)
