"""The weightings of the chapter's tables, in the order of their rows."""

from __future__ import annotations

from tasvir.lab.multimodal.weightings.base import Weighting
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting
from tasvir.lab.multimodal.weightings.generated import GeneratedWeighting
from tasvir.lab.multimodal.weightings.generating import GeneratingWeighting


def automatic() -> dict[str, Weighting]:
    """The four automatic ones: by generating and by being generated, each in both directions."""
    return {
        "generating:strong": GeneratingWeighting("strong"),
        "generating:weak": GeneratingWeighting("weak"),
        "generated:strong": GeneratedWeighting("strong"),
        "generated:weak": GeneratedWeighting("weak"),
    }


def image_label() -> dict[str, Weighting]:
    """Nine rows of tables 3.3-3.6; weights are image, label."""
    fixed = ("1,1", "1,2", "1,3", "2,1", "3,1")
    return {f"fixed:{ratio}": FixedWeighting(ratio) for ratio in fixed} | automatic()


def gaussians() -> dict[str, Weighting]:
    """Eight rows of tables 3.1-3.2; weights are of modalities 1, 2, 3."""
    fixed = ("1,1,1", "2,1,1", "1,2,1", "1,1,2")
    return {f"fixed:{ratio}": FixedWeighting(ratio) for ratio in fixed} | automatic()
