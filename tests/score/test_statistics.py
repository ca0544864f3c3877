"""Intervals against published values and arithmetic by hand."""

from __future__ import annotations

import math

import pytest

from tasvir.score.statistics import Z95, mean_interval, paired_interval


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    mean, *interval = mean_interval([1.0] * hits + [0.0] * (n - hits))
    assert mean == pytest.approx(hits / n)
    assert interval == pytest.approx([low, high], abs=5e-5)


def test_wilson_stays_inside_and_mirrors() -> None:
    for n in (1, 2, 7, 600):
        none, every = mean_interval([0.0] * n), mean_interval([1.0] * n)
        assert (none[0], every[0]) == (0.0, 1.0)
        assert 0.0 <= none[1] < 1e-12 and 1 - 1e-12 < every[2] <= 1.0
        assert none[2] == pytest.approx(1 - every[1]) == pytest.approx(Z95**2 / (n + Z95**2))


def test_paired_differences_by_hand() -> None:
    """Differences 1, 0, 1, -1: mean 0.25, variance (0.5625 + 0.0625 + 0.5625 + 1.5625) / 3 = 11 / 12."""
    mean, low, high = paired_interval([(1, 0), (1, 1), (1, 0), (0, 1)])
    half = 1.959964 * math.sqrt(11 / 12 / 4)
    assert (mean, low, high) == (0.25, pytest.approx(0.25 - half), pytest.approx(0.25 + half))


def test_equal_arms_differ_by_nothing() -> None:
    assert paired_interval([(1.0, 1.0), (0.0, 0.0)]) == (0.0, 0.0, 0.0)


def test_a_mean_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])
    with pytest.raises(ValueError, match="fewer than two"):
        paired_interval([(1.0, 0.0)])
