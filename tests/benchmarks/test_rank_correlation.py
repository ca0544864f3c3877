"""Rho by hand arithmetic and against scipy."""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("rank_correlation")


def test_equal_values_share_the_mean_of_their_ranks(module: ModuleType) -> None:
    assert module.ranks([10, 30, 30, 20]).tolist() == [1.0, 3.5, 3.5, 2.0]


def test_rho_without_ties_is_the_textbook_formula(module: ModuleType) -> None:
    # ranks 1 2 3 4 5 against 2 1 4 3 5: sum of squared differences 4, so 1 - 6 * 4 / (5 * 24) = 0.8
    assert module.spearman([1, 2, 3, 4, 5], [20, 10, 40, 30, 50]) == pytest.approx(0.8)


def test_a_side_that_does_not_vary_has_no_rho(module: ModuleType) -> None:
    assert module.spearman([3, 3, 3], [1, 2, 3]) is None
    assert module.bootstrap_interval([3, 3, 3], [1, 2, 3], seed=0, resamples=5) is None


def test_it_agrees_with_scipy_on_tied_values(module: ModuleType) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    x = rng.integers(1, 6, 200)
    y = x / 5 + rng.normal(0, 0.3, 200)
    expected = stats.spearmanr(x, y).statistic
    assert module.spearman(x, y) == pytest.approx(float(expected), abs=1e-12)
    low, high = module.bootstrap_interval(x, y, seed=1, resamples=300)
    assert low < expected < high
    # Fisher's normal theory for 200 pairs, widened for ranks: the bootstrap must be of that order
    half = 1.96 * 1.03 / np.sqrt(197)
    theory = np.tanh(np.arctanh(expected) + half) - np.tanh(np.arctanh(expected) - half)
    assert 0.6 * theory < high - low < 1.6 * theory
