"""The MLLM judge on a scale that starts at 0: (level - 1) / (levels - 1).

The same questions as `judge`, another figure: 1 of 5 is 0 here and 0.2 there, so the two never share a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import ClassVar

from tasvir.score.metrics.judge import JudgeMetric, Opinion


class JudgeLinearMetric(JudgeMetric):
    """What a guide's judge says of picture and prompt, (level - 1) / 4, judge-linear:GUIDE."""

    name: ClassVar[str] = "judge-linear"

    def value(self, opinions: Sequence[Opinion]) -> float:
        """Mean of (level - 1) / (levels - 1)."""
        return fmean((one.level - 1) / (one.levels - 1) for one in opinions)
