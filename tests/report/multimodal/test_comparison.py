"""Rows against the classical row: arithmetic by hand, pairs found where independent samples hide them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from multimodal_results import MNIST_POE, build_table

from tasvir.report.multimodal.comparison import compare_table

TABLE = build_table(MNIST_POE, seeds=3)


def one_figure(rows: dict[str, list[float]], **changes: object) -> object:
    return replace(TABLE, weightings=list(rows), figures={"J2I": list(rows.values())}, **changes)  # type: ignore[arg-type]


def test_by_hand() -> None:
    """Differences -1, -2, -3: mean -2, deviation 1, t = -2 sqrt 3; independent: deviations 1 and 0."""
    cells = compare_table(one_figure({"fixed:1,1": [2, 3, 4], "fixed:1,2": [1, 1, 1]}), ["J2I"])  # type: ignore[arg-type]
    base, one = cells["fixed:1,1", "J2I"], cells["fixed:1,2", "J2I"]
    assert (base.mean, base.deviation, base.n, base.paired) == (3, 1, 3, None)
    assert (one.mean, one.deviation, one.better) == (1, 0, True)
    assert one.paired is not None and one.paired.difference == -2
    assert one.effect == pytest.approx(-2)
    assert one.paired.p == one.holm == pytest.approx(1 - math.sqrt(12 / 14))
    assert one.sign_flip == 2 / 8
    assert one.two_sample is not None
    t = 2 / math.sqrt((1 + 0) / 2 * 2 / 3)
    p = 1 - (t / math.sqrt(4 + t * t)) * (1 + 2 / (4 + t * t))  # four degrees of freedom
    assert one.two_sample.p == pytest.approx(p)


def test_holm_over_the_table() -> None:
    """Two rows: the smaller p is doubled, the larger one is at least that."""
    cells = compare_table(
        one_figure({"fixed:1,1": [2, 3, 4], "fixed:1,2": [1, 1, 1], "fixed:2,1": [2.1, 3.2, 4.3]}),  # type: ignore[arg-type]
        ["J2I"],
    )
    first, second = cells["fixed:1,2", "J2I"], cells["fixed:2,1", "J2I"]
    assert first.paired is not None and second.paired is not None
    assert first.paired.p == pytest.approx(second.paired.p)  # both t are 2 sqrt 3
    assert first.holm == pytest.approx(2 * first.paired.p) == second.holm
    assert not second.better


def test_what_seeds_share_hides_from_the_wrong_test() -> None:
    table = build_table(MNIST_POE, shared=0.05, own=0.0005)
    one = compare_table(table, ["J2I"])["fixed:1,2", "J2I"]
    assert one.two_sample is not None and one.two_sample.p is not None and one.two_sample.p > 0.3
    assert one.significant and not one.better


def test_higher_missing_and_lone_seeds() -> None:
    rows = {"fixed:1,1": [1.0, math.nan, 2.0], "fixed:1,2": [2.0, 5.0, 4.0], "fixed:2,1": [math.nan] * 3}
    cells = compare_table(one_figure(rows, higher=["J2I"]), ["J2I"])  # type: ignore[arg-type]
    one = cells["fixed:1,2", "J2I"]
    assert one.n == 3 and one.better and one.paired is not None and one.paired.difference == 1.5
    assert cells["fixed:2,1", "J2I"].mean is None and cells["fixed:2,1", "J2I"].paired is None
    lone = compare_table(one_figure({"fixed:1,1": [1.0], "fixed:1,2": [0.5]}), ["J2I"])  # type: ignore[arg-type]
    told = lone["fixed:1,2", "J2I"]
    assert told.deviation is None and told.holm is None and not told.significant
    assert told.paired is not None and "one pair" in told.paired.reason


def test_equal_rows_are_no_difference() -> None:
    cells = compare_table(one_figure({"fixed:1,1": [1, 2, 3], "fixed:1,2": [1, 2, 3]}), ["J2I"])  # type: ignore[arg-type]
    one = cells["fixed:1,2", "J2I"]
    assert one.paired is not None and one.paired.p == one.holm == one.sign_flip == 1
    assert not one.better and one.effect is None
    assert np.isclose(one.paired.difference, 0)
