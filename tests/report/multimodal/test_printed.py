"""The thesis' tables as stored: complete, their sums right to rounding, and what their own test says."""

from __future__ import annotations

import pytest
from multimodal_results import FASHION_MOE, GAUSSIAN_MOE, GAUSSIAN_POE, MNIST_POE

from tasvir.report.multimodal.printed import printed_tables, thesis_columns, thesis_rows


def test_all_six_are_there() -> None:
    tables = printed_tables()
    assert [one.number for one in tables.values()] == ["3.1", "3.2", "3.3", "3.4", "3.5", "3.6"]
    for key, one in tables.items():
        assert tuple(one.rows) == thesis_rows(key[0])
        assert one.columns == thesis_columns(key[0])
        assert {len(row) for row in one.rows.values()} == {len(one.columns)}
        assert {len(cell) for row in one.rows.values() for cell in row} == {1 if one.samples is None else 2}
        assert one.samples == (None if key[0] == "gaussians" else 10)


@pytest.mark.parametrize("key", [GAUSSIAN_POE, GAUSSIAN_MOE])
def test_totals_are_the_sums(key: tuple[str, str, str]) -> None:
    """No misprint among the 64 numbers of 3.1 and 3.2, each rounded to four digits."""
    table = printed_tables()[key]
    for row in table.rows:
        parts = [table.mean(row, figure) for figure in ("x1", "x2", "x3")]
        assert table.mean(row, "total") == pytest.approx(sum(parts), abs=2.1e-4)
    assert table.mean("fixed:1,1,1", "total") == {"poe": 1.0927, "moe": 1.0843}[key[1]]


def test_rows_stand_where_they_belong() -> None:
    """Looked up in the thesis by hand: "2a_i = a_t" is the label twice, "3a_1 ..." none."""
    mnist, gaussians = printed_tables()[MNIST_POE], printed_tables()[GAUSSIAN_POE]
    assert (mnist.mean("fixed:1,2", "J2I"), mnist.deviation("fixed:1,2", "J2I")) == (0.2158, 0.0012)
    assert (mnist.mean("fixed:3,1", "T2T"), mnist.deviation("fixed:3,1", "T2T")) == (0.6139, 0.0706)
    assert mnist.mean("generated:strong", "I2T") == 0.9294
    assert gaussians.mean("fixed:2,1,1", "total") == 1.1023
    assert printed_tables()[FASHION_MOE].mean("generated:weak", "J2T") == 0.9441
    assert mnist.classical == "fixed:1,1" and gaussians.deviation("fixed:2,1,1", "x1") is None


def test_the_thesis_own_test() -> None:
    """0.2042 +- 0.0022 against 0.2158 +- 0.0012, ten each: t = 0.0116 / sqrt((0.0022^2 + 0.0012^2) / 10)."""
    table = printed_tables()[MNIST_POE]
    tested = table.tested("fixed:1,2", "J2I")
    assert tested is not None and tested.p is not None and tested.interval is not None
    t = 0.0116 / ((0.0022**2 + 0.0012**2) / 10) ** 0.5
    assert t == pytest.approx(14.64, abs=0.01)
    half = 2.10092204024104 * 0.0116 / t
    assert tested.interval == pytest.approx((0.0116 - half, 0.0116 + half))
    assert tested.p < 1e-9
    weak = table.tested("generating:weak", "J2I")
    assert weak is not None and weak.p is not None and weak.p > 0.4
    assert printed_tables()[GAUSSIAN_POE].tested("fixed:2,1,1", "x1") is None
