"""Claims: each verdict can be reached, printed and measured tables are asked the same, numbers by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from multimodal_results import FASHION_MOE, GAUSSIAN_MOE, GAUSSIAN_POE, MNIST_POE, build_table

from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.report.multimodal.claims import (
    CLAIMS,
    FARTHEST,
    IMAGE_WEIGHTED,
    LABEL_WEIGHTED,
    MARGIN,
    PAIRS,
    correlated,
    direction,
    kept,
    size,
)
from tasvir.report.multimodal.printed import PrintedTable, printed_tables
from tasvir.report.multimodal.verdicts import Judged, estimators, judge
from tasvir.report.multimodal.view import View, as_printed
from tasvir.score.statistics import holm

ALL = [build_table(key, seeds=30 if key[0] == "gaussians" else 10, own=1e-4) for key in printed_tables()]


def mirrored(table: PrintedTable, weighting: str, figure: str) -> float:
    """Every difference from the classical row turned round."""
    return 2 * table.mean(table.classical, figure) - table.mean(weighting, figure)


def claim(judged: tuple[Judged, ...], id: str, expert: str = "poe", data: str = "") -> Judged:
    found = [one for one in judged if one.claim.id == id and expert in one.claim.experts and data in one.data]
    return found[0]


def test_what_is_as_printed_is_replicated_where_the_printed_table_says_so() -> None:
    """With next to no noise a verdict is what the printed means are."""
    for one in judge(ALL):
        if one.printed_supports is not None:
            assert (one.verdict == "replicated") == one.printed_supports, one.claim.id
        else:
            assert one.claim.id == "dominant" and one.verdict == "replicated"
    assert "not-run" not in {one.verdict for one in judge(ALL)}


def test_each_verdict_can_be_reached() -> None:
    assert claim(judge(ALL), "poe-total").verdict == "replicated"
    turned = build_table(GAUSSIAN_POE, own=1e-4, means=mirrored)
    assert claim(judge([turned]), "poe-total").verdict == "not-replicated"
    assert claim(judge([build_table(GAUSSIAN_POE, own=5.0)]), "poe-total").verdict == "undecided"
    missing = claim(judge([]), "poe-total")
    assert missing.verdict == "not-run" and missing.printed == (6, 7)
    lone = claim(judge([build_table(GAUSSIAN_POE, seeds=1)]), "poe-total")
    assert lone.verdict == "undecided" and all(one.holm is None for one in lone.weighed)


def test_all_but_one_is_all_but_one() -> None:
    """As printed six of seven improve; with one more that does not, the claim fails."""

    def two_worse(table: PrintedTable, weighting: str, figure: str) -> float:
        worse = weighting == "generated:strong" and figure == "total"
        return mirrored(table, weighting, figure) if worse else table.mean(weighting, figure)

    one = claim(judge([build_table(GAUSSIAN_POE, own=1e-4, means=two_worse)]), "poe-total")
    assert [each.side for each in one.weighed].count(-1) == 2
    assert one.verdict == "not-replicated"


@pytest.mark.parametrize(
    ("id", "expert", "data", "favour", "count"),
    [
        ("poe-total", "poe", "gaussians", 6, 7),  # 1.1023 is above 1.0927, the rest below
        ("poe-farthest-kept", "poe", "gaussians", 1, 1),  # 0.1682 against 0.1672, 0.6 % more
        ("moe-total", "moe", "gaussians", 5, 7),  # 1.5437 and 1.0999 are above 1.0843
        (
            "moe-smaller",
            "poe",
            "gaussians",
            5,
            7,
        ),  # not 2,1,1 (0.0096 to 0.0548), nor 1,2,1 (0.3704 to 0.4594)
        ("moe-unaffected", "moe", "gaussians", 2, 6),  # 0.1525, 0.6493, 0.4674, 0.1666 are off by over 10 %
        ("label-crosses", "moe", "fashion-mnist", 2, 4),  # T2I 0.3982 twice, above 0.3975
        ("image-itself", "moe", "fashion-mnist", 0, 4),  # 0.3403, 0.342, 0.7068, 0.7086: all above
    ],
)
def test_printed_tables_by_hand(id: str, expert: str, data: str, favour: int, count: int) -> None:
    assert claim(judge([]), id, expert, data).printed == (favour, count)


def test_measured_and_printed_are_asked_the_same() -> None:
    noiseless = [build_table(key, seeds=4, shared=0.0, own=0.0) for key in printed_tables()]
    for one in judge(noiseless):
        for each in one.weighed:
            if each.printed is not None:
                assert each.tested is not None
                assert each.tested.difference == pytest.approx(each.printed, abs=1e-12), one.claim.id


def test_holm_is_over_all_comparisons_of_a_data_set() -> None:
    judged = [one for one in judge(ALL) if one.data == "mnist"]
    weighed = [each for one in judged for each in one.weighed]
    assert len(weighed) == 2 * (4 + 4 + 2 + 2 + 4 + 8) + 1
    assert [each.holm for each in weighed] == holm([each.tested and each.tested.p for each in weighed])


def test_kept_is_within_the_margin() -> None:
    def verdict(change: float) -> str:
        def means(table: PrintedTable, weighting: str, figure: str) -> float:
            return 0.2 * (1 + change) if weighting == FARTHEST else 0.2

        judged = judge([build_table(GAUSSIAN_POE, shared=0.0, own=1e-4, means=means)])
        return claim(judged, "poe-farthest-kept").verdict

    assert [verdict(one) for one in (-0.5, 0.0, 0.09, 0.11)] == [*["replicated"] * 3, "not-replicated"]
    view = as_printed(printed_tables()[GAUSSIAN_POE])
    favour = next(iter(kept(FARTHEST, "x3")(view))).favour
    assert favour == pytest.approx(MARGIN * 0.1672 - (0.1682 - 0.1672))


def test_direction_is_one_at_image_weighting_and_minus_one_at_label_weighting() -> None:
    """The axis runs from the mean of label-weighted rows to that of image-weighted rows: 2 apart."""
    for key in (MNIST_POE, FASHION_MOE):
        view = as_printed(printed_tables()[key])
        ends = [np.mean([direction(view, row) for row in rows]) for rows in (IMAGE_WEIGHTED, LABEL_WEIGHTED)]
        assert ends[0] - ends[1] == pytest.approx(2)
        assert direction(view, view.classical) == pytest.approx(0)


def test_size_and_correlation() -> None:
    assert size(np.array([-3.0, 1.0])).tolist() == [3.0, -1.0]
    view = as_printed(printed_tables()[MNIST_POE])
    assert next(correlated(view, view)).favour == pytest.approx(1)
    figures = {
        (row, figure): 2 * view.base(figure) - view(row, figure)
        for row in view.weightings
        for figure in PAIRS
    }
    assert next(correlated(view, View(view.weightings, figures))).favour == pytest.approx(-1)


def test_tables_are_paired_by_their_seeds() -> None:
    """Of another order of seeds, or fewer of them, only what both have is compared, seed with seed."""

    def shuffled(table: TableResults, order: list[int]) -> TableResults:
        figures = {
            name: [[row[place] for place in order] for row in rows] for name, rows in table.figures.items()
        }
        return replace(table, seeds=[table.seeds[place] for place in order], figures=figures)

    poe, moe = (build_table(key, seeds=6, own=0.1) for key in (GAUSSIAN_POE, GAUSSIAN_MOE))
    straight = claim(judge([poe, moe]), "moe-smaller")
    turned = claim(judge([poe, shuffled(moe, [5, 3, 1, 0, 2, 4])]), "moe-smaller")
    for one, other in zip(straight.weighed, turned.weighed, strict=True):
        assert one.tested is not None and other.tested is not None
        assert one.tested.p == pytest.approx(other.tested.p)
    fewer = claim(judge([poe, shuffled(moe, [5, 3, 1, 0])]), "moe-smaller")
    assert {one.n for one in fewer.weighed} == {4}


def test_rows_that_the_thesis_lacks_do_not_count_and_missing_ones_are_said() -> None:
    table = build_table(GAUSSIAN_POE)
    more = replace(
        table,
        weightings=[*table.weightings, "learned"],
        figures={name: [*rows, rows[0]] for name, rows in table.figures.items()},
        history=[[[*rows, rows[0]] for rows in each] for each in table.history],
    )
    assert claim(judge([more]), "poe-total").verdict == claim(judge([table]), "poe-total").verdict
    assert len(claim(judge([more]), "poe-total").weighed) == 7
    rows = table.weightings[:-1]
    fewer = replace(
        table, weightings=rows, figures={name: values[:-1] for name, values in table.figures.items()}
    )
    assert claim(judge([fewer]), "poe-total").verdict == "not-run"


def test_other_estimators_are_judged_apart() -> None:
    extra = {f"{name}:exact": 0.3 for name in ("x1", "x2", "x3", "total")}
    table = build_table(GAUSSIAN_POE, more={**extra, "x2>x1:odd": 0.1})
    assert estimators([table], "gaussians") == ["", ":exact"]
    judged = [one for one in judge([table]) if one.claim.id == "poe-total"]
    assert [(one.estimator, one.verdict) for one in judged] == [("", "replicated"), (":exact", "undecided")]
    assert judged[1].printed is None


def test_every_claim_has_its_own_id_for_its_rules() -> None:
    ids = [(one.id, one.experts) for one in CLAIMS]
    assert len(ids) == len(set(ids))
    assert {one.section for one in CLAIMS} == {"3.4.1.1", "3.4.1.2", "3.4.2.1", "3.4.2.2", "3.5"}
