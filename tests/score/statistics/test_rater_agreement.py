"""Krippendorff's alpha on his own example, by hand, and where it has no value; places of models."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.score.statistics import krippendorff, places

X = np.nan
EXAMPLE = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
        [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
    ]
)
"""Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section D."""


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_the_published_one(scale: str, alpha: float) -> None:
    assert krippendorff(EXAMPLE, scale=scale).value == pytest.approx(alpha, abs=5e-4)  # type: ignore[arg-type]


def test_two_raters_by_hand() -> None:
    """1 1, 1 2, 2 2: coincidences 2 of 1-1, 2 of 2-2, 1 each of 1-2 and 2-1; three ratings of each value.
    Nominal: 1 - (6 - 1) x 2 / (2 x 3 x 3) = 4 / 9."""
    assert krippendorff(np.array([[1.0, 1, 2], [1, 2, 2]]), scale="nominal").value == pytest.approx(4 / 9)


def test_alpha_has_an_interval_over_prompts() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(1, 6, 40)
    ratings = np.clip(true + rng.integers(-1, 2, (3, 40)), 1, 5).astype(float)
    figure = krippendorff(ratings, scale="ordinal", clusters=np.arange(40), draws=400)
    low, high = figure.interval or (0.0, 0.0)
    assert low < (figure.value or 0) < high
    assert 0.02 < high - low < 0.4
    doubled = krippendorff(
        np.concatenate([ratings, ratings], axis=1),
        scale="ordinal",
        clusters=np.tile(np.arange(40), 2),
        draws=400,
    )
    double_low, double_high = doubled.interval or (0.0, 0.0)
    assert double_high - double_low == pytest.approx(high - low, rel=0.15)  # a copy is no new witness


def test_alpha_without_a_value_says_why() -> None:
    alone = krippendorff(np.array([[1.0, 2, 3]]), scale="ordinal")
    assert (alone.value, alone.reason) == (None, "nothing was rated by two people")
    same = krippendorff(np.full((2, 8), 5.0), scale="ordinal", clusters=np.arange(8))
    assert same.value is None
    assert "rated the same" in same.reason
    assert krippendorff(EXAMPLE, scale="ordinal", clusters=np.arange(12) // 4).interval is None


def test_places_and_how_sure_they_are() -> None:
    """The first and the second take turns; the third is one below the second, six standard errors."""
    turns = np.tile([0.0, 2.0], 20)
    columns = np.stack([turns, 2 - turns, 1 - turns], axis=1)
    own, first, span = places(columns, draws=4000)
    assert own.tolist() == [1, 1, 3]
    assert first.sum() == pytest.approx(1.0)
    assert first[2] == 0
    assert first[0] == pytest.approx(0.5, abs=0.03)
    assert span.tolist() == [[1, 1, 3], [2, 2, 3]]
