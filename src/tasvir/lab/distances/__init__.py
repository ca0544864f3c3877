"""How far two sets are apart, and how varied one is; numpy alone, errors with the figures."""

from __future__ import annotations

from tasvir.lab.distances.arrays import Estimate
from tasvir.lab.distances.frechet import frechet_distance, frechet_jackknife
from tasvir.lab.distances.inception import inception_scores
from tasvir.lab.distances.kernels import (
    energy_distance,
    median_bandwidths,
    mmd,
    mmd_error,
    squared_mmd,
    subset_mmds,
)
from tasvir.lab.distances.neighbours import PrecisionRecall, precision_recall
from tasvir.lab.distances.transport import kolmogorov_smirnov, sliced_wasserstein, wasserstein_line

__all__ = [
    "Estimate",
    "PrecisionRecall",
    "energy_distance",
    "frechet_distance",
    "frechet_jackknife",
    "inception_scores",
    "kolmogorov_smirnov",
    "median_bandwidths",
    "mmd",
    "mmd_error",
    "precision_recall",
    "sliced_wasserstein",
    "squared_mmd",
    "subset_mmds",
    "wasserstein_line",
]
