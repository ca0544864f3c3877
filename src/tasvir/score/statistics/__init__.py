"""Means with intervals, paired tests, rank correlations and agreement: numpy alone, one file a topic.

The prompt is the unit: pictures of one prompt are no independent witnesses, so the seeds of a prompt are
averaged first, and where pictures themselves are needed (correlations) whole prompts are drawn again. Every
reported figure has its n and its uncertainty; what cannot be said is None with a reason, never 0.
"""

from __future__ import annotations

from tasvir.score.statistics.agreement import cohens_kappa, krippendorff
from tasvir.score.statistics.correlation import Correlated, correlate, gap, kendall, spearman, within_prompts
from tasvir.score.statistics.figure import Figure
from tasvir.score.statistics.means import Z95, around, mean_interval, prompt_means, share_interval
from tasvir.score.statistics.paired import (
    effect_size,
    holm,
    least_detectable,
    least_p,
    paired_interval,
    sign_flip,
)
from tasvir.score.statistics.ranks import average_ranks, places
from tasvir.score.statistics.ratio import Ratio, paired_ratio
from tasvir.score.statistics.resampling import DRAWS, LEAST_PROMPTS, Indices, Values
from tasvir.score.statistics.student import Tested, paired_t, student_quantile, student_tail, two_sample_t

__all__ = [
    "DRAWS",
    "LEAST_PROMPTS",
    "Z95",
    "Correlated",
    "Figure",
    "Indices",
    "Ratio",
    "Tested",
    "Values",
    "around",
    "average_ranks",
    "cohens_kappa",
    "correlate",
    "effect_size",
    "gap",
    "holm",
    "kendall",
    "krippendorff",
    "least_detectable",
    "least_p",
    "mean_interval",
    "paired_interval",
    "paired_ratio",
    "paired_t",
    "places",
    "prompt_means",
    "share_interval",
    "sign_flip",
    "spearman",
    "student_quantile",
    "student_tail",
    "two_sample_t",
    "within_prompts",
]
