"""Tau-b and rho against scipy, their resamples against sorting again, and the numbers of TIFA-160."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tasvir.score.statistics import (
    Values,
    average_ranks,
    correlate,
    gap,
    kendall,
    krippendorff,
    least_detectable,
    prompt_means,
    sign_flip,
    spearman,
    within_prompts,
)
from tasvir.score.statistics.resampling import resampled_counts

Table = dict[str, Values]


def tied(seed: int, n: int = 60) -> tuple[Values, Values]:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 6, n).astype(float)
    return x, np.round(x / 6 + rng.normal(0, 0.4, n), 1)


@pytest.mark.parametrize("seed", range(4))
def test_both_are_scipys_with_ties(seed: int) -> None:
    x, y = tied(seed)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_ranks_and_the_textbook_formula() -> None:
    """Ranks 1 2 3 4 5 against 2 1 4 3 5: rho = 1 - 6 x 4 / (5 x 24), and 8 of 10 pairs agree."""
    assert average_ranks([10, 30, 30, 20]).tolist() == [1.0, 3.5, 3.5, 2.0]
    x, y = np.arange(5.0), np.array([20.0, 10.0, 40.0, 30.0, 50.0])
    assert spearman(x, y) == pytest.approx(0.8)
    assert kendall(x, y) == pytest.approx((8 - 2) / 10)
    with pytest.raises(ValueError, match="give pairs"):
        spearman(x, y[:4])


def test_resamples_are_those_of_the_pictures_written_out() -> None:
    """What counts of prompts give without sorting, against scipy on the pictures of the drawn prompts."""
    x, y = tied(1, 40)
    prompts = np.repeat(np.arange(10), 4)[np.random.default_rng(0).permutation(40)]
    found = correlate(x, y, prompts, draws=30, seed=9)
    for draw, counts in enumerate(np.concatenate(list(resampled_counts(10, draws=30, seed=9)))):
        again = np.concatenate(
            [np.flatnonzero(prompts == p) for p in range(10) for _ in range(int(counts[p]))]
        )
        assert found.drawn_tau[draw] == pytest.approx(stats.kendalltau(x[again], y[again]).statistic)
        assert found.drawn_rho[draw] == pytest.approx(stats.spearmanr(x[again], y[again]).statistic)


def test_what_cannot_be_correlated_says_why() -> None:
    x, prompts = np.arange(6.0), np.arange(6)
    flat = correlate(x, np.ones(6), prompts)
    assert (flat.tau.value, flat.rho.reason) == (None, "the second gives every picture the same value")
    assert "2 pictures" in correlate(x[:2], x[:2], prompts[:2]).tau.reason
    few = correlate(x, x**2, prompts // 2)
    assert (few.tau.value, few.tau.interval) == (1.0, None)
    assert "3 prompts" in few.tau.reason
    assert gap(few.drawn_tau, few.drawn_tau, 0.0).interval is None
    assert kendall(x, np.ones(6)) is spearman(np.ones(6), x) is None


def test_within_prompts_a_prompts_difficulty_does_not_help() -> None:
    """Between the prompts both sides rise; within each they go against one another."""
    prompts = np.repeat(np.arange(6), 3)
    x = 10.0 * prompts + np.tile([0, 1, 2], 6)
    y = 10.0 * prompts - np.tile([0, 1, 2], 6)
    assert (kendall(x, y) or 0) > 0.6
    tau, rho, n = within_prompts(x, y, prompts)
    assert (tau.value, rho.value, n) == (-1.0, -1.0, 6)
    assert within_prompts(x, np.zeros(18), prompts)[2] == 0


@pytest.fixture(scope="module")
def tifa() -> Table:
    """800 pictures, see data/README.md."""
    with (Path(__file__).parents[1] / "data" / "tifa160.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = {
        name: np.array([float(row[name]) if row[name] else np.nan for row in rows])
        for name in rows[0]
        if name != "model"
    }
    table["model"] = np.array([row["model"] for row in rows])
    table["human"] = (table["rater1"] + table["rater2"]) / 2
    table["likert"] = np.stack([table[f"likert{number}"] for number in range(1, 6)])
    return table


@pytest.mark.parametrize(
    ("metric", "rho", "tau"),
    [
        ("clip", 0.3198, 0.2314),
        ("meteor", 0.3723, 0.2741),
        ("tifa_vilt", 0.5000, 0.3824),
        ("tifa_blip2", 0.5581, 0.4360),
        ("tifa_mplug", 0.5922, 0.4717),
    ],
)
def test_metrics_of_tifa_against_its_two_raters(tifa: Table, metric: str, rho: float, tau: float) -> None:
    assert spearman(tifa[metric], tifa["human"]) == pytest.approx(rho, abs=5e-5)
    assert kendall(tifa[metric], tifa["human"]) == pytest.approx(tau, abs=5e-5)


def test_raters_of_tifa_and_dsg(tifa: Table) -> None:
    """Rater against rater is the ceiling; DSG's five raters saw the same pictures."""
    assert spearman(tifa["rater1"], tifa["rater2"]) == pytest.approx(0.7222, abs=5e-5)
    assert kendall(tifa["rater1"], tifa["rater2"]) == pytest.approx(0.6385, abs=5e-5)
    mean = np.nanmean(tifa["likert"], axis=0)
    assert spearman(tifa["clip"], mean) == pytest.approx(0.2765, abs=5e-5)
    assert kendall(tifa["clip"], mean) == pytest.approx(0.1906, abs=5e-5)
    assert spearman(tifa["tifa_mplug"], mean) == pytest.approx(0.6082, abs=5e-5)
    assert kendall(tifa["tifa_mplug"], mean) == pytest.approx(0.4703, abs=5e-5)
    assert spearman(tifa["human"], mean) == pytest.approx(0.830, abs=5e-4)
    alpha = krippendorff(tifa["likert"], scale="interval", clusters=tifa["prompt"].astype(int), draws=500)
    assert alpha.value == pytest.approx(0.684, abs=5e-4)
    low, high = alpha.interval or (0.0, 0.0)
    assert 0.62 < low < 0.67 < 0.70 < high < 0.74


def test_intervals_of_tifa_know_the_prompt(tifa: Table) -> None:
    """1000 resamples once gave [.237, .392] by prompt and [.257, .383] by picture: narrower, and wrong."""
    prompts = tifa["prompt"].astype(int)
    by_prompt = correlate(tifa["clip"], tifa["human"], prompts, draws=2000).rho.interval or (0.0, 0.0)
    by_picture = correlate(tifa["clip"], tifa["human"], np.arange(800), draws=1000).rho.interval or (0.0, 0.0)
    assert by_prompt == pytest.approx((0.237, 0.392), abs=0.012)
    assert by_picture == pytest.approx((0.257, 0.383), abs=0.012)
    tau, _, n = within_prompts(tifa["clip"], tifa["human"], prompts, draws=200)
    assert (tau.value, n) == (pytest.approx(0.3218, abs=5e-5), 149)


def test_mplug_follows_people_better_than_clip(tifa: Table) -> None:
    prompts = tifa["prompt"].astype(int)
    mplug, clip = (
        correlate(tifa[name], tifa["human"], prompts, draws=1000) for name in ("tifa_mplug", "clip")
    )
    assert mplug.tau.value is not None
    assert clip.tau.value is not None
    found = gap(mplug.drawn_tau, clip.drawn_tau, mplug.tau.value - clip.tau.value)
    assert found.value == pytest.approx(0.4717 - 0.2314, abs=1e-4)
    low, high = found.interval or (0.0, 0.0)
    assert 0.1 < low < 0.2403 < high < 0.35


@pytest.mark.parametrize(
    ("metric", "unit", "difference", "error", "p"),
    [
        ("clip", 100, -0.0110, 0.0026, 0.0003),
        ("tifa_mplug", 1, -0.0621, 0.0131, 0.0002),
        ("human", 1, -0.2000, 0.0700, 0.008),
    ],
)
def test_sd15_against_sd21_on_160_prompts(
    tifa: Table, metric: str, unit: float, difference: float, error: float, p: float
) -> None:
    """Paired by prompt; p of the human ratings by Student's t is 0.0049."""
    values = tifa[metric] / unit
    pairs = values[tifa["model"] == "sd1dot5"] - values[tifa["model"] == "sd2dot1"]
    (figure,) = prompt_means(pairs[:, None], draws=4000)
    assert figure.value == pytest.approx(difference, abs=5e-5)
    assert least_detectable(pairs) == pytest.approx(2.8 * error, abs=2.8 * 5e-5)
    low, high = figure.interval or (0.0, 0.0)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    (found,) = sign_flip(pairs[:, None], draws=20_000)
    assert found is not None
    assert found <= p
