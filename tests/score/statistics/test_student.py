"""Student's t against values of scipy 1.17 that are stored here, against closed forms and hand arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasvir.score.statistics import paired_t, student_quantile, student_tail, two_sample_t

OURS = [0.2042, 0.2051, 0.2033, 0.2069, 0.2028, 0.2044]
OTHER = [0.2158, 0.2149, 0.2141, 0.2166, 0.2139, 0.2151]


def sample(values: list[float]) -> tuple[float, float, int]:
    return float(np.mean(values)), float(np.std(values, ddof=1)), len(values)


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    [
        (0.1, 1, 0.936548965138893),
        (2.2, 9, 0.05534057279861165),
        (5, 9, 0.0007389679098032426),
        (30, 29, 2.1977448450988043e-23),
        (3, 1e6, 0.0026998625414218),
        (12, 18, 5.046511102563654e-10),
    ],
)
def test_tails_are_scipy_s(t: float, freedom: float, p: float) -> None:
    assert student_tail(t, freedom) == pytest.approx(p, rel=1e-8)
    assert student_tail(-t, freedom) == student_tail(t, freedom)


def test_closed_forms() -> None:
    """One degree of freedom is Cauchy's, two have a square root."""
    for t in (0.01, 0.5, 1.0, 7.0, 1e4):
        assert student_tail(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), rel=1e-9, abs=1e-13)
        assert student_tail(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-7, abs=1e-13)
    assert student_tail(0, 5) == 1
    assert student_tail(math.inf, 5) == student_tail(1e200, 5) == 0


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706204736432095), (2, 4.302652729911275), (9, 2.2621571627409915), (29, 2.045229642132703)],
)
def test_quantiles_are_scipy_s(freedom: float, quantile: float) -> None:
    assert student_quantile(freedom) == pytest.approx(quantile, rel=1e-10)


def test_two_samples_as_scipy() -> None:
    found = two_sample_t(sample(OURS), sample(OTHER))
    assert found.difference == pytest.approx(-0.0106166666666667)
    assert found.p == pytest.approx(4.3767312877199666e-08, rel=1e-7)
    assert found.interval == pytest.approx((-0.012231021221649936, -0.009002312111683501), rel=1e-8)
    welch = two_sample_t(sample(OURS), sample(OTHER), equal_spread=False)
    assert welch.p == pytest.approx(1.42309102528806e-07, rel=1e-7)


def test_pairs_as_scipy() -> None:
    found = paired_t(np.subtract(OURS, OTHER))
    assert found.p == pytest.approx(3.543714850020514e-07, rel=1e-7)
    assert found.interval == pytest.approx((-0.01139471308829076, -0.009838620245042578), rel=1e-8)


def test_pairs_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, t = 2 sqrt 3, two degrees of freedom."""
    found = paired_t([1.0, 2.0, 3.0])
    assert found.difference == 2
    assert found.p == pytest.approx(1 - math.sqrt(12 / 14))
    half = 4.302652729911275 / math.sqrt(3)
    assert found.interval == pytest.approx((2 - half, 2 + half))


def test_what_cannot_be_told() -> None:
    assert paired_t([0.0, 0.0, 0.0]).p == 1
    one, equal = paired_t([0.3]), paired_t([0.3, 0.3])
    assert (one.p, one.interval, equal.p, equal.interval) == (None, None, None, None)
    assert "one pair" in one.reason and "all 2 differences are equal" in equal.reason
    assert two_sample_t((0.1, 0.0, 3), (0.1, 0.0, 3)).p == 1
    assert two_sample_t((0.1, 0.0, 3), (0.2, 0.0, 3)).p is None
    assert two_sample_t((0.1, 0.0, 1), (0.2, 0.1, 3)).reason.startswith("a sample of one")
    for bad in ([], [1.0, math.nan]):
        with pytest.raises(ValueError, match="not finite"):
            paired_t(bad)
