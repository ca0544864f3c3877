"""The sign-flip test against scipy and by hand; Holm; effect sizes; what the test must not be given."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from tasvir.score.statistics import effect_size, holm, least_detectable, least_p, sign_flip


def test_by_hand() -> None:
    """1, 2, 3: of the eight sums 6, 4, 2, 0, 0, -2, -4, -6 two are as far from 0 as 6: p = 2 / 8.
    1, 2, -3: the sum is 0, and all are at least as far."""
    assert sign_flip(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, -3.0]])) == [0.25, 1.0]


def test_differences_of_nothing_change_nothing() -> None:
    """Zeros and missing prompts have no sign to flip."""
    columns = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [0.0, np.nan], [0.0, 0.0]])
    assert sign_flip(columns) == [0.25, 0.25]
    assert sign_flip(np.array([[0.0, np.nan], [0.0, np.nan]])) == [1.0, None]
    assert sign_flip(np.empty((4, 0))) == []


@pytest.mark.parametrize("n", [5, 9])
def test_exact_p_is_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    for column in rng.normal(0.4, 1, (n, 5)).T:
        theirs = stats.permutation_test(
            (column, np.zeros(n)), lambda x, y: (x - y).mean(), permutation_type="samples", n_resamples=np.inf
        )
        assert sign_flip(column[:, None]) == [pytest.approx(theirs.pvalue)]


def test_rounding_does_not_break_ties() -> None:
    """Five tenths against minus five tenths: every way to sum them is counted by hand with whole numbers."""
    tenths = np.array([1, 2, 3, -1, -2, 1, 1])
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, tenths, strict=True)))
        for signs in product((1, -1), repeat=7)
    ]
    expected = np.mean([total >= abs(tenths.sum()) for total in sums])
    assert sign_flip(tenths[:, None] / 10) == [pytest.approx(expected)]


def test_drawn_p_is_near_the_exact_one_and_never_0() -> None:
    """16 and 17 differences: on both sides of where signs begin to be drawn."""
    rng = np.random.default_rng(2)
    column = rng.normal(0.4, 1, 17)
    sums = np.zeros(1)
    for value in column:
        sums = np.concatenate([sums + value, sums - value])
    exact = float((np.abs(sums) >= abs(column.sum()) - 1e-12).mean())
    (drawn,) = sign_flip(column[:, None], draws=20_000)
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))
    assert sign_flip(np.ones((40, 1)), draws=999) == [1 / 1000]
    assert sign_flip(column[:, None], seed=3) == sign_flip(column[:, None], seed=3)
    assert sign_flip(np.ones((16, 1))) == [least_p(16)] == [2 / 2**16]


def test_holm_is_statsmodels() -> None:
    """statsmodels 0.14, multipletests(p, method="holm")[1], with a missing value put in between."""
    values = [0.01, 0.04, None, 0.03, 0.005, 0.2, 0.04]
    expected = [0.05, 0.12, None, 0.12, 0.03, 0.2, 0.12]
    assert holm(values) == [None if p is None else pytest.approx(p) for p in expected]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_effect_and_least_detectable_difference_by_hand() -> None:
    """1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 3 = 14 / 3."""
    differences = np.array([1.0, 2.0, 3.0, 6.0])
    spread = np.sqrt(14 / 3)
    assert effect_size(differences) == pytest.approx(3 / spread)
    assert least_detectable(differences) == pytest.approx(2.8 * spread / 2)
    assert effect_size(np.array([0.3, 0.1 + 0.2])) is None
    assert least_detectable(np.array([0.5, 0.5])) is None
    assert effect_size(np.array([1.0])) is least_detectable(np.array([1.0])) is None


def test_a_difference_of_that_size_is_found_four_times_out_of_five() -> None:
    """60 prompts, 400 studies, a true difference of 2.8 / sqrt(60): power 0.80, standard error 0.02."""
    rng = np.random.default_rng(11)
    columns = rng.normal(2.8 / np.sqrt(60), 1, (60, 400))
    found = np.mean([p is not None and p < 0.05 for p in sign_flip(columns, draws=1000)])
    assert found == pytest.approx(0.8, abs=0.06)


def test_false_alarms() -> None:
    """Equal models, 30 prompts, 4 seeds whose errors resemble each other: 800 runs, standard error 0.008.

    Averaged first: at most 6 %. Pictures taken for prompts: wolf in every third run.
    """
    rng = np.random.default_rng(4)
    pictures = rng.normal(0, np.sqrt(0.3), (30, 4, 800)) + rng.normal(0, np.sqrt(0.7), (30, 1, 800))
    right = sign_flip(pictures.mean(axis=1), draws=1000)
    wrong = sign_flip(pictures.reshape(120, 800), draws=1000)
    assert 0.03 <= np.mean([p is not None and p < 0.05 for p in right]) <= 0.06
    assert np.mean([p is not None and p < 0.05 for p in wrong]) > 0.25


def test_of_yes_and_no_it_is_mcnemars() -> None:
    """9 prompts only the first gets right, 3 only the second, 20 both or none: binomial of 12."""
    column = np.array([1.0] * 9 + [-1.0] * 3 + [0.0] * 20)
    assert sign_flip(column[:, None]) == [pytest.approx(stats.binomtest(9, 12).pvalue)]
