"""Yes or no: how sure a question model is that something is true of a picture.

p = P(yes) / (P(yes) + P(no)) from the first word of the answer alone (Huang et al. 2023; Lin et al. 2024), so
that what else the model might say does not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasvir.score.batches import once

if TYPE_CHECKING:
    from tasvir.models.image_text.answerer import Answerer

YES_NO = ("yes", "no")


def shares(
    answerer: Answerer,
    asked: Sequence[tuple[Image.Image, str]],
    answers: tuple[str, ...] = YES_NO,
) -> list[list[float]]:
    """How sure the model is of each of some answers against the others; every distinct question asked once.

    Args:
        answerer: The question model.
        asked: n pictures with a question each.
        answers: One-word answers.

    Returns:
        n lists of shares in 0 to 1 that sum to 1; NaN where the model thinks none of the answers possible.
    """

    def ask(pairs: list[tuple[Image.Image, str]]) -> list[list[float]]:
        images, questions = [image for image, _ in pairs], [question for _, question in pairs]
        found = np.asarray(answerer.answer_probabilities(images, questions, answers), dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return [[float(p) for p in row] for row in found / found.sum(axis=1, keepdims=True)]

    return once(asked, ask, key=lambda pair: (id(pair[0]), pair[1]))


def yes_shares(answerer: Answerer, asked: Sequence[tuple[Image.Image, str]]) -> list[float]:
    """P(yes) / (P(yes) + P(no)) for n pictures with a question each; see `shares`."""
    return [row[0] for row in shares(answerer, asked)]


def geometric_mean(values: Sequence[float]) -> float:
    """(product of n values in 0 to 1) ** (1 / n)."""
    if min(values) <= 0:
        return 0.0
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def ready(value: float) -> Any:
    """A share for details: 6 decimals, and None for NaN, which JSON has not."""
    return None if math.isnan(value) else round(value, 6)
