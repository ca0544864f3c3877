"""Intervals against published values and arithmetic by hand."""

from __future__ import annotations

import math

import pytest

from tasvir.score.statistics import Z95, Ratio, cohens_kappa, mean_interval, paired_interval, paired_ratio


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


def test_the_ratio_is_paired() -> None:
    """Resampled as pairs, proportional arms have the same ratio in every resample."""
    right = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0] * 10
    assert paired_ratio([(value, value) for value in right]) == Ratio(1.0, (1.0, 1.0))
    twice = paired_ratio([(value + 1, (value + 1) / 2) for value in right])
    assert (twice.value, twice.interval) == (pytest.approx(2), (pytest.approx(2), pytest.approx(2)))


def test_the_ratio_has_the_interval_of_the_delta_method() -> None:
    """400 pairs: 240 to 160 right, 120 both: var of log ratio = (1/240 + 1/160 - 2 x 120 / (240 x 160))."""
    pairs = [(1.0, 1.0)] * 120 + [(1.0, 0.0)] * 120 + [(0.0, 1.0)] * 40 + [(0.0, 0.0)] * 120
    ratio = paired_ratio(pairs)
    half = Z95 * math.sqrt(1 / 240 + 1 / 160 - 2 * 120 / (240 * 160))
    assert ratio.value == pytest.approx(1.5)
    assert ratio.interval == pytest.approx((1.5 * math.exp(-half), 1.5 * math.exp(half)), rel=0.03)
    assert paired_ratio(pairs) == ratio
    assert paired_ratio(pairs, seed=1).interval != ratio.interval


def test_a_ratio_to_nothing_is_missing_with_the_reason() -> None:
    assert paired_ratio([(1.0, 0.0), (1.0, 0.0)]) == Ratio(None, None, "the mean to divide by is 0")
    few = paired_ratio([(1.0, 1.0), (1.0, 0.0), (1.0, 0.0)])  # (2/3)^3 of the resamples divide by 0
    assert (few.value, few.interval) == (3.0, None)
    assert int(few.reason.split()[0]) == pytest.approx(2000 * 8 / 27, rel=0.1)


def test_kappa_of_textbook_counts() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreed 0.7, by chance 0.5 x 0.6 + 0.5 x 0.4 = 0.5."""
    counts = {(True, True): 20, (True, False): 5, (False, True): 10, (False, False): 15}
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    assert cohens_kappa(pairs) == pytest.approx(0.4)
    assert cohens_kappa([(True, True), (False, False)]) == 1.0
    assert cohens_kappa([(True, False), (False, True)]) == -1.0
    assert cohens_kappa([(True, True)] * 3) is None
