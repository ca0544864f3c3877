"""Comparisons: arithmetic by hand, what must not matter, what must be refused, and what cannot be said."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from results_builder import SUITE, build_results, metric_info

from tasvir.errors import RecordError, UnknownNameError
from tasvir.records import Score, SetScore, SuitePrompt
from tasvir.results import Cell, MetricInfo, ModelInfo, Rating, RunResults, SetFigure
from tasvir.score.comparing import compare
from tasvir.score.comparing.matrix import natural, natural_settings
from tasvir.score.comparison import RATING, Comparison
from tasvir.score.statistics import holm, mean_interval, sign_flip

DRAWS = 400


def of_values(
    values: Mapping[str, Sequence[Sequence[float | None]]],
    *,
    metric: MetricInfo | None = None,
    categories: Sequence[str] = ("",),
    settings: dict[str, Any] | None = None,
) -> RunResults:
    """A run of given values: by model, a row a prompt, a value a seed; None is a score without a value."""
    metric = metric or metric_info()
    rows = len(next(iter(values.values())))
    prompts = {
        (SUITE, f"{row}"): SuitePrompt(f"{row}", f"text {row}", categories[row % len(categories)])
        for row in range(rows)
    }
    cells = [
        Cell(
            SUITE,
            f"{row}",
            model,
            seed,
            settings or {},
            f"{model}-{row}-{seed}-{settings}",
            scores={metric.name: Score(metric.name, value, "" if value is not None else "unread")},
        )
        for model, table in values.items()
        for row, seeds in enumerate(table)
        for seed, value in enumerate(seeds)
    ]
    models = tuple(ModelInfo(model, model) for model in values)
    return RunResults({}, {SUITE: {}}, prompts, models, (metric,), tuple(cells))


A = [[1.0, 2.0], [2.0, 2.0], [3.0, 5.0], [4.0, None], [5.0, 7.0], [None, None]]
B = [[1.0, 1.0], [2.0, 2.0], [2.0, 2.0], [5.0, 5.0], [3.0, 3.0], [9.0, 9.0]]


def test_by_hand() -> None:
    """Means over seeds first: 1.5, 2, 4, 4, 6 against 1, 2, 2, 5, 3, 9; differences .5, 0, 2, -1, 3."""
    table = compare(of_values({"a": A, "b": B}), draws=DRAWS).tables[0]
    a, b = table.overall.means
    assert (a.model, a.value, a.n_prompts, a.n_pictures, a.missing) == ("a", 3.5, 5, 9, 3)
    assert a.reasons == (("unread", 3),)
    assert (b.value, b.n_prompts, b.n_pictures, b.missing) == (pytest.approx(22 / 6), 6, 12, 0)
    (pair,) = table.overall.pairs
    differences = np.array([0.5, 0, 2, -1, 3])
    assert (pair.first, pair.second, pair.n) == ("a", "b", 5)
    assert pair.difference == pytest.approx(0.9)
    assert (pair.wins, pair.ties, pair.losses) == (3, 1, 1)
    assert [pair.p] == sign_flip(differences[:, None])
    assert pair.effect == pytest.approx(0.9 / differences.std(ddof=1))
    assert pair.mde == pytest.approx(2.8 * differences.std(ddof=1) / np.sqrt(5))
    assert (pair.verdict, pair.better) == ("undecided", None)
    assert pair.too_few and pair.reason == "too few: 5 prompts in 1 test"  # 2 / 2 ** 5 = 0.0625
    assert [(place.model, place.place) for place in table.overall.places] == [("a", 1), ("b", 2)]
    assert table.overall.n_common == 5
    splits = [(split.prompt, split.better, split.difference) for split in table.splits]
    assert splits == [("4", "a", 3.0), ("2", "a", 2.0), ("0", "a", 0.5), ("3", "b", 1.0)]


def test_a_difference_that_is_there_is_found_and_one_that_is_not_is_noise() -> None:
    results = build_results({"good": 0.7, "fair": 0.5, "same": 0.7}, prompts=60)
    pairs = {(pair.first, pair.second): pair for pair in compare(results, draws=2000).tables[0].overall.pairs}
    assert pairs["good", "fair"].better == "good"
    assert pairs["fair", "same"].verdict == "second"
    assert pairs["good", "same"].verdict == "undecided"
    low, high = pairs["good", "fair"].interval or (0.0, 0.0)
    assert low < 0.2 < high
    adjusted = holm([pair.p for pair in pairs.values()])
    assert [pair.p_holm for pair in pairs.values()] == adjusted


def test_categories_are_adjusted_together() -> None:
    comparison = compare(build_results({"good": 0.7, "fair": 0.55}, prompts=36), draws=2000)
    table = comparison.tables[0]
    assert [group.category for group in table.categories] == ["colour", "count", "space"]
    pairs = [pair for group in table.categories for pair in group.pairs]
    assert [pair.p_holm for pair in pairs] == holm([pair.p for pair in pairs])
    assert sum(group.n_prompts for group in table.categories) == 36
    weighted = sum((group.mean("good").value or 0) * 12 for group in table.categories) / 36
    assert weighted == pytest.approx(table.overall.mean("good").value)
    one = compare(of_values({"a": A, "b": B}, categories=("colour",)), draws=DRAWS)
    assert one.tables[0].categories == ()


def test_many_tests_do_not_hide_what_is_plain() -> None:
    """Of 400 flips the smallest p is 1 / 401, which Holm's factor of 165 makes 0.41."""
    models = {f"m{number}": 0.1 + 0.07 * number for number in range(11)}
    table = compare(build_results(models, prompts=90, seeds=(0,), noise=0.02), draws=DRAWS).tables[0]
    pairs = [pair for group in table.categories for pair in group.pairs]
    assert len(pairs) == 55 * 3 and not any(pair.too_few for pair in pairs)
    ends = [pair.better for pair in pairs if (pair.first, pair.second) == ("m0", "m10")]
    assert ends == ["m10"] * 3


def everything(seed: int = 0) -> RunResults:
    metrics = (metric_info("one"), metric_info("two", higher_is_better=False))
    return build_results(
        {"plain": 0.6, "tuned": 0.65, "other": 0.5},
        metrics=metrics,
        prompts=9,
        sweep=({"steps": 2}, {"steps": 10}),
        missing=0.15,
        undrawn=0.1,
        raters=("ada", "mae"),
        seed=seed,
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_cells_and_ratings_says_nothing(seed: int) -> None:
    results = everything(seed)
    cells, ratings = list(results.cells), list(results.ratings)
    random.Random(seed).shuffle(cells)
    random.Random(seed).shuffle(ratings)
    shuffled = replace(results, cells=tuple(cells), ratings=tuple(ratings))
    assert compare(shuffled, draws=DRAWS) == compare(results, draws=DRAWS)


def test_renaming_models_only_renames() -> None:
    results = everything()
    names = {"plain": "zebra", "tuned": "aardvark", "other": "middle"}
    renamed = replace(
        results,
        models=tuple(replace(model, name=names[model.name]) for model in results.models),
        cells=tuple(replace(cell, model=names[cell.model]) for cell in results.cells),
        speeds=tuple(replace(speed, model=names[speed.model]) for speed in results.speeds),
    )
    told = json.dumps(compare(results, draws=DRAWS).to_dict())
    for old, new in names.items():
        told = told.replace(f'"{old}"', f'"{new}"')
    again = json.dumps(compare(renamed, draws=DRAWS).to_dict())
    assert json.loads(again) == json.loads(told)


def test_the_other_direction_turns_values_but_no_verdict() -> None:
    """1 - value under a metric whose lower values are better."""
    results = build_results({"good": 0.7, "fair": 0.5, "same": 0.68}, prompts=30, noise=0.2)
    down = metric_info("score", higher_is_better=False)
    turned = replace(
        results,
        metrics=(down,),
        cells=tuple(
            replace(
                cell, scores={"score": Score("score", round(1 - float(cell.scores["score"].value or 0), 12))}
            )
            for cell in results.cells
        ),
    )
    before, after = (compare(one, draws=DRAWS).tables[0] for one in (results, turned))
    for up, low in zip(before.overall.pairs, after.overall.pairs, strict=True):
        assert low.verdict == up.verdict
        assert (low.wins, low.ties, low.losses) == (up.wins, up.ties, up.losses)
        assert low.p == up.p
        assert low.difference == pytest.approx(-(up.difference or 0))
    assert [place.place for place in after.overall.places] == [place.place for place in before.overall.places]
    for up, low in zip(before.splits, after.splits, strict=True):
        assert (low.prompt, low.better, low.worse) == (up.prompt, up.better, up.worse)
        assert low.difference == pytest.approx(-up.difference)
        assert low.better_value < low.worse_value


def test_equal_models_are_equal() -> None:
    (pair,) = compare(of_values({"a": B, "b": B}), draws=DRAWS).tables[0].overall.pairs
    assert (pair.difference, pair.p, pair.ties, pair.verdict) == (0.0, 1.0, 6, "undecided")
    assert pair.interval is pair.effect is None
    assert pair.reason == "all 6 prompts have the same value"
    rounded = [[0.1 + 0.2], [0.7], [0.7]] * 4
    exact = [[0.3], [0.7], [0.1 + 0.6]] * 4
    (pair,) = compare(of_values({"a": rounded, "b": exact}), draws=DRAWS).tables[0].overall.pairs
    assert pair.ties == 12


def test_yes_and_no_get_wilsons_interval() -> None:
    values = [[1.0], [0.0], [1.0], [1.0]]
    (mean,) = compare(of_values({"a": values}), draws=DRAWS).tables[0].overall.means
    assert (mean.value, *(mean.interval or ())) == pytest.approx(mean_interval([1, 0, 1, 1]))


def test_unequal_recipes_are_never_put_together() -> None:
    results = build_results()
    other = replace(results.metrics[0], recipe_hash="f" * 16)
    with pytest.raises(RecordError, match="score was used with 2 recipes"):
        compare(replace(results, metrics=(*results.metrics, other)))
    comparison = compare(results, draws=DRAWS)
    assert comparison.tables[0].recipe_hash == results.metrics[0].recipe_hash


def test_only_what_was_asked_for() -> None:
    results = everything()
    some = compare(results, models=["plain", "other"], metrics=["two"], draws=DRAWS)
    assert [model.name for model in some.models] == ["plain", "other"]
    assert {table.metric for table in some.tables} == {"two"}
    assert {mean.model for table in some.tables for mean in table.overall.means} == {"plain", "other"}
    with pytest.raises(UnknownNameError, match="no model 'plani'; it has: plain, tuned, other"):
        compare(results, models=["plani"])
    with pytest.raises(UnknownNameError, match="no metric 'three'; it has: one, two"):
        compare(results, metrics=["three"])


def test_what_is_missing_is_counted_with_its_reason() -> None:
    results = everything()
    for table in compare(results, draws=DRAWS).tables:
        for mean in table.overall.means:
            cells = [
                cell for cell in results.cells if cell.model == mean.model and cell.settings == table.settings
            ]
            undrawn = sum(cell.picture is None for cell in cells)
            unread = sum(
                cell.picture is not None and cell.scores[table.metric].value is None for cell in cells
            )
            counted = dict(mean.reasons)
            assert counted.get("no memory", 0) == undrawn
            assert counted.get("the reply could not be read", 0) == unread
            assert mean.missing + mean.n_pictures == len(cells)
    fresh = replace(results, cells=tuple(replace(cell, scores={}) for cell in results.cells))
    reasons = dict(compare(fresh, draws=DRAWS).tables[0].overall.means[0].reasons)
    assert "not scored yet" in reasons


def test_nothing_to_compare_is_no_crash() -> None:
    results = build_results({"one": 0.5}, prompts=2, seeds=(0,))
    alone = compare(results, draws=DRAWS).tables[0]
    assert (alone.overall.pairs, alone.overall.places, alone.splits) == ((), (), ())
    assert alone.overall.means[0].interval is None
    failed = compare(build_results(undrawn=1.0), draws=DRAWS)
    assert {mean.value for mean in failed.tables[0].overall.means} == {None}
    assert failed.tables[0].overall.pairs[0].reason == "no prompt has values for both"
    assert failed.times[0].seconds is None
    empty = compare(replace(results, cells=(), prompts={}, speeds=()), draws=DRAWS)
    assert empty.tables == empty.times == empty.sweeps == empty.correlations == ()
    assert compare(replace(results, metrics=()), draws=DRAWS).tables == ()


def test_a_comparison_is_plain_json_with_no_nan() -> None:
    told = compare(everything(), draws=DRAWS).to_dict()
    assert json.loads(json.dumps(told, allow_nan=False))["format"] == "tasvir-comparison/1"


def test_sets_and_speeds_are_passed_on() -> None:
    fid = MetricInfo("fid", {}, "0" * 16, False, of_sets=True)
    figure = SetFigure("fid", SUITE, "good", {}, SetScore("fid", 12.5, 24))
    results = build_results()
    comparison = compare(
        replace(results, metrics=(*results.metrics, fid), set_figures=(figure,)), models=["good"], draws=DRAWS
    )
    assert comparison.set_figures == (figure,)
    assert [table.metric for table in comparison.tables] == ["score"]
    assert comparison.speeds == results.speeds[:1]


def swept(values: Mapping[int, Sequence[float]]) -> RunResults:
    parts = [of_values({"a": [[v] for v in row]}, settings={"steps": step}) for step, row in values.items()]
    return replace(parts[0], cells=tuple(cell for part in parts for cell in part.cells))


def test_the_knee_is_the_least_setting_that_cannot_be_told_from_the_best() -> None:
    """2 steps lose 0.3 everywhere, 10 lose 0.001 now and then, 100 are best."""
    base = np.linspace(0.4, 0.6, 12)
    jitter = np.tile([0.02, -0.021], 6)
    sweep = compare(swept({100: base, 10: base + jitter, 2: base - 0.3}), draws=DRAWS).sweeps[0]
    assert [point.at for point in sweep.points] == [2, 10, 100]
    assert (sweep.key, sweep.best, sweep.knee, sweep.reason) == ("steps", 100, 10, "")
    worst, near, best = (point.against_best for point in sweep.points)
    assert best is None
    assert worst is not None
    assert near is not None
    assert (worst.first, worst.second, worst.verdict) == ("steps=2", "steps=100", "second")
    assert worst.difference == pytest.approx(-0.3)
    assert near.difference == pytest.approx(-0.0005)
    assert near.mde is not None
    assert near.p_holm is not None
    assert near.p_holm >= 0.05


def test_no_knee_where_so_few_prompts_can_show_nothing() -> None:
    sweep = compare(swept({1: [0.1, 0.2, 0.1], 50: [0.9, 0.8, 0.9]}), draws=DRAWS).sweeps[0]
    assert (sweep.best, sweep.knee, sweep.reason) == (50, None, "too few: 3 prompts in 1 test")
    assert (
        compare(build_results(undrawn=1.0, sweep=({"steps": 1}, {"steps": 2})), draws=DRAWS).sweeps[0].reason
        == "no values"
    )


def test_two_settings_make_a_sweep_of_each() -> None:
    crossed = [{"steps": steps, "size": size} for steps in (2, 10) for size in ("64x64", "128x128")]
    sweeps = compare(build_results({"a": 0.7}, sweep=crossed), draws=DRAWS).sweeps
    found = [(sweep.key, sweep.fixed, [point.at for point in sweep.points]) for sweep in sweeps]
    assert found == [
        ("size", {"steps": 2}, ["64x64", "128x128"]),
        ("size", {"steps": 10}, ["64x64", "128x128"]),
        ("steps", {"size": "64x64"}, [2, 10]),
        ("steps", {"size": "128x128"}, [2, 10]),
    ]


def test_settings_are_sorted_as_people_do() -> None:
    assert sorted([10, 2.5, 1], key=natural) == [1, 2.5, 10]
    assert sorted(["128x128", "64x64", "euler"], key=natural) == ["64x64", "128x128", "euler"]
    rows = [{"steps": 10}, {"steps": 2}, {}]
    assert sorted(rows, key=natural_settings) == [{}, {"steps": 2}, {"steps": 10}]


def test_a_metric_turned_round_agrees_with_people_as_it_should() -> None:
    """Two looks at the same quality, one counting faults: correlations are positive, means as they are."""
    results = build_results(
        {"a": 0.7, "b": 0.5, "c": 0.3},
        metrics=(metric_info("up"), metric_info("down", higher_is_better=False)),
        raters=("ada", "mae"),
        noise=0.05,
    )
    comparison = compare(results, draws=2000)
    pairs = [(one.first, one.second) for one in comparison.correlations]
    assert pairs == [("up", RATING), ("down", RATING), ("up", "down")]
    for one in comparison.correlations:
        assert (one.pooled_tau.value or 0) > 0.5
        low, high = one.pooled_tau.interval or (0.0, 0.0)
        assert 0 < low < (one.pooled_tau.value or 0) < high
        assert (one.within_rho.value or 0) > 0.3
        assert one.system_tau.value == 1.0
        assert one.n_pictures == 72
    assert comparison.correlations[1].systems["a"][0] == pytest.approx(0.3, abs=0.12)
    (gap,) = comparison.gaps
    up, down = comparison.correlations[:2]
    assert gap.tau.value == pytest.approx((up.pooled_tau.value or 0) - (down.pooled_tau.value or 0))
    low, high = gap.tau.interval or (1.0, 1.0)
    assert low < 0 < high


def test_a_picture_that_serves_two_models_counts_once() -> None:
    results = build_results({"a": 0.6}, raters=("ada",))
    twin = [replace(cell, model="twin") for cell in results.cells]
    both = replace(
        results, models=(*results.models, ModelInfo("twin", "twin")), cells=(*results.cells, *twin)
    )
    (one,), (two,) = (compare(part, draws=DRAWS).correlations for part in (results, both))
    assert (one.n_pictures, one.pooled_tau) == (two.n_pictures, two.pooled_tau)
    assert two.systems["twin"] == two.systems["a"]
    assert "2 models" in two.system_tau.reason


def test_raters() -> None:
    """Ada and Mae saw the same pictures, Bob one alone; who rates again has changed their mind."""
    results = build_results({"a": 0.7, "b": 0.3}, raters=("ada", "mae"))
    first = results.ratings[0]
    alone = Rating("bob", first.suite, first.prompt, "unseen", 4)
    changed = [replace(rating, value=6 - rating.value) for rating in results.ratings if rating.rater == "mae"]
    (agreement,) = compare(replace(results, ratings=(*results.ratings, alone)), draws=DRAWS).agreement
    assert (agreement.n_pictures, agreement.n_shared, agreement.n_ratings) == (49, 48, 97)
    assert (agreement.alpha.value or 0) > 0.5
    ada, bob, mae = agreement.raters
    assert (ada.name, bob.name, mae.name) == ("ada", "bob", "mae")
    assert (bob.n, bob.n_shared, bob.rest_tau.value) == (1, 0, None)
    assert (ada.rest_tau.value or 0) > 0.4
    (turned,) = compare(replace(results, ratings=(*results.ratings, *changed)), draws=DRAWS).agreement
    assert turned.n_ratings == 96
    assert (turned.alpha.value or 0) < 0
    assert compare(build_results(), draws=DRAWS).agreement == ()


def test_times() -> None:
    """Builder: half a second and a tenth a step, a thousandth a seed."""
    results = build_results({"a": 0.5}, seeds=(0, 1, 2), sweep=({"steps": 10}, {"steps": 2}))
    times = compare(results, draws=DRAWS).times
    assert [time.settings for time in times] == [{"steps": 2}, {"steps": 10}]
    assert times[1].seconds == pytest.approx((1.5, 1.501, 1.502))
    assert times[1].n == 36


def test_the_same_seed_says_the_same() -> None:
    def intervals(comparison: Comparison) -> list[Any]:
        return [mean.interval for table in comparison.tables for mean in table.overall.means]

    results = build_results()
    assert compare(results, draws=DRAWS) == compare(results, draws=DRAWS)
    assert intervals(compare(results, draws=DRAWS)) != intervals(compare(results, draws=DRAWS, seed=1))
