"""The study's charts: as long as the values say, within their view, and nothing breaks on thin data."""

from __future__ import annotations

import math
import re

import pytest
from results_builder import SUITE, build_results

from tasvir.report.study.charts import Charts
from tasvir.report.study.document import Drawn, sections
from tasvir.report.study.drawing import Chart, Mark, Scale, apart, shorten, spanning
from tasvir.report.study.study import Study, build_study
from tasvir.report.study.words import Words
from tasvir.results import RunResults
from tasvir.score.comparing import compare

FOUR = {"oak": 0.9, "elm": 0.6, "a model with a name that is far too long for its place": 0.5, "ash": 0.3}
RUNS = {
    "plain": build_results(FOUR, prompts=12, raters=("an", "bo")),
    "sweep": build_results(FOUR, prompts=8, sweep=[{"steps": steps} for steps in (1, 10, 100, 1000)]),
    "words": build_results(FOUR, prompts=6, sweep=[{"sampler": name} for name in ("ddim", "euler")]),
    "one": build_results({"oak": 0.5}, prompts=1, seeds=(0,)),
    "missing": build_results(FOUR, prompts=4, missing=0.6, undrawn=0.3),
    "failed": build_results(FOUR, prompts=4, undrawn=1.0),
}


def drawn(results: RunResults) -> tuple[Study, list[Chart]]:
    study = build_study(results, compare(results, draws=200))
    charts = Charts(Words("tr", study.values), study.values, study.models)
    blocks = [block for section in sections(study) for block in section.blocks if isinstance(block, Drawn)]
    return study, [chart for block in blocks if (chart := block.draw(charts)) is not None]


def marks(chart: Chart, tag: str) -> list[Mark]:
    return [mark for mark in chart.marks if mark.tag == tag]


@pytest.mark.parametrize("name", RUNS)
def test_marks_lie_within_the_view(name: str) -> None:
    _, charts = drawn(RUNS[name])
    assert (charts == []) == (name == "failed")
    for chart in charts:
        for mark in chart.marks:
            for key, value in mark.attributes.items():
                if key in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy", "width", "height"):
                    assert -1 <= float(value) <= max(chart.width, chart.height) + 1, (chart.id, mark)
                assert "nan" not in value
        ids = [other.id for other in charts]
        assert ids.count(chart.id) == 1


def test_bars_are_as_long_as_the_means() -> None:
    study, charts = drawn(RUNS["plain"])
    bars = marks(next(chart for chart in charts if chart.id.startswith("bars/")), "rect")
    means = [study.values[f"means/{SUITE}//score/{model.replace('/', '%2F')}"].value for model in FOUR]
    lengths = [float(bar.attributes["width"]) for bar in bars]
    assert [length / lengths[0] for length in lengths] == pytest.approx(
        [(mean or 0) / (means[0] or 1) for mean in means], abs=0.002
    )
    assert len({bar.attributes["x"] for bar in bars}) == 1, "all begin at 0"


def test_points_and_rings() -> None:
    study, charts = drawn(RUNS["sweep"])
    chart = next(chart for chart in charts if chart.id.startswith("sweep-chart/"))
    rings = [mark for mark in marks(chart, "circle") if mark.attributes["fill"] == "none"]
    assert len(rings) == sum(sweep.knee is not None for sweep in study.comparison.sweeps) == len(FOUR)
    assert len(marks(chart, "circle")) == 4 * 4 + len(rings)
    assert [text.text for text in marks(chart, "text")].count("1.000") == 1, "as Turkish writes a thousand"
    ratings = next(chart for chart in drawn(RUNS["plain"])[1] if chart.id.startswith("rating-chart/"))
    assert len(marks(ratings, "circle")) == 12 * 4 * 2


def test_scales() -> None:
    scale = Scale(0.0, 10.0, 100.0, 200.0)
    assert (scale(0), scale(5), scale(10)) == (100, 150, 200)
    assert scale.ticks() == [0, 2, 4, 6, 8, 10]
    assert Scale(0.23, 0.31, 0, 1).ticks() == pytest.approx([0.24, 0.26, 0.28, 0.3])
    assert Scale(0.23, 0.31, 0, 1).digits() == 2
    log = Scale(1.0, 1000.0, 0.0, 3.0, log=True)
    assert log(10.0) == pytest.approx(1)
    assert log.ticks() == [1, 10, 100, 1000]
    assert spanning([0.4, 0.6], 0, 1, zero=True).low == 0
    assert spanning([-0.4, -0.2], 0, 1, zero=True).high == 0
    assert not spanning([0.0, 4.0], 0, 1, log=True).log, "there is no logarithm of 0"
    same = spanning([0.5, 0.5], 0, 1)
    assert same.low < 0.5 < same.high
    assert all(math.isfinite(end) for end in (same(0.5), spanning([], 0, 1)(0.5)))


def test_labels() -> None:
    assert apart([10.0, 11.0, 50.0], 16) == [10.0, 26.0, 50.0]
    assert shorten("abcdef", 1000) == "abcdef"
    assert re.fullmatch(r"a+…", shorten("a" * 100, 72))
