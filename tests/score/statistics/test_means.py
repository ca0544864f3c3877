"""Intervals of means: against scipy's bootstrap, Wilson by hand, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasvir.score.statistics import mean_interval, prompt_means, share_interval
from tasvir.score.statistics.means import student95


def test_bca_is_scipys_at_the_wider_level() -> None:
    """The normal quantile that is reached is t(n - 1) sqrt(n / (n - 1)); scipy is asked for that level."""
    values = np.random.default_rng(5).beta(5, 0.7, 40)
    reach = stats.t.ppf(0.975, 39) * np.sqrt(40 / 39)
    level = stats.norm.cdf(reach) - stats.norm.cdf(-reach)
    theirs = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=20_000, method="BCa", rng=1
    ).confidence_interval
    (ours,) = prompt_means(values[:, None], draws=20_000)
    width = theirs.high - theirs.low
    assert ours.value == pytest.approx(values.mean())
    assert ours.interval == pytest.approx((theirs.low, theirs.high), abs=0.03 * width)
    low, high = ours.interval or (0.0, 0.0)
    mean = values.mean()
    assert mean - low > 1.1 * (high - mean)  # the long tail is below


def test_students_quantile() -> None:
    for freedom in (4, 5, 9, 29, 99, 1799):
        assert student95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=0.01)


def test_columns_of_one_call_are_those_of_many() -> None:
    """Each column by itself, or beside others and with gaps elsewhere: the same figure from one seed."""
    columns = np.random.default_rng(0).normal(size=(12, 3))
    columns[4, 1] = np.nan
    together = prompt_means(columns, draws=500)
    for index in range(3):
        known = columns[~np.isnan(columns[:, index]), index]
        (alone,) = prompt_means(known[:, None], draws=500)
        assert together[index].interval == pytest.approx(alone.interval)
        assert together[index].value == pytest.approx(alone.value)
    assert prompt_means(columns, draws=500, seed=1)[0].interval != together[0].interval


def test_what_has_no_interval_says_why() -> None:
    columns = np.full((6, 3), np.nan)
    columns[:, 0] = 0.1 + 0.2
    columns[0, 0] = 0.3  # differs by rounding alone
    columns[:4, 1] = (1, 2, 3, 4)
    same, few, none = prompt_means(columns, draws=100)
    assert same.value == pytest.approx(0.3)
    assert (same.interval, same.reason) == (None, "all 6 prompts have the same value")
    assert (few.value, few.interval) == (2.5, None)
    assert "4 prompts: an interval takes at least 5" in few.reason
    assert (none.value, none.interval, none.reason) == (None, None, "no values")


def test_shares_of_one_picture_a_prompt_are_wilsons() -> None:
    answers = np.array([1.0] * 8 + [0.0] * 3)
    figure = share_interval(answers, np.ones(11))
    assert (figure.value, *(figure.interval or ())) == pytest.approx(mean_interval(answers.tolist()))


def test_shares_of_alike_pictures_count_prompts_and_of_unlike_ones_pictures() -> None:
    """Four pictures a prompt: all alike, they are worth one; as unlike as coins, four."""
    alike = np.array([1.0, 0.0] * 10)
    assert share_interval(alike, np.full(20, 4.0)).interval == pytest.approx(
        mean_interval(alike.tolist())[1:]
    )
    even = np.array([0.5, 0.5, 0.25, 0.75] * 5)
    assert share_interval(even, np.full(20, 4.0)).interval == pytest.approx(
        mean_interval([1.0, 0.0] * 40)[1:]
    )
    low, high = share_interval(np.ones(20), np.full(20, 4.0)).interval or (0.0, 0.0)
    assert (low, high) == pytest.approx(mean_interval([1.0] * 20)[1:])
    assert share_interval(np.empty(0), np.empty(0)).value is None


@pytest.mark.parametrize("shape", ["normal", "skewed", "alike"])
def test_intervals_hold_the_truth(shape: str) -> None:
    """1,000 runs of 30 prompts, standard error of a share of 0.95: 0.007; the benchmark has more."""
    rng = np.random.default_rng(0)
    draw = {
        "normal": lambda: (rng.normal(2, 1, (30, 1000)), 2.0),
        "skewed": lambda: (rng.beta(5, 0.7, (30, 1000)), 5 / 5.7),
        "alike": lambda: (
            rng.normal(0, 0.8, (30, 1000)) + rng.normal(0, 0.5, (30, 4, 1000)).mean(axis=1),
            0.0,
        ),
    }[shape]
    columns, truth = draw()
    found = [
        figure.interval
        for seed, part in enumerate(np.split(columns, 20, axis=1))
        for figure in prompt_means(part, draws=1000, seed=seed)
    ]
    held = np.mean([interval is not None and interval[0] <= truth <= interval[1] for interval in found])
    assert 0.93 <= held <= 0.97
