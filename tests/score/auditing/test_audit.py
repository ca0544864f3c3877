"""Figures of audits by hand arithmetic: a metric that knows, one that is blind, one that is upside down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from tasvir.records import Score, SuitePrompt
from tasvir.results import Cell, MetricInfo, ModelInfo, RunResults
from tasvir.score.auditing import audit
from tasvir.score.auditing.asking import Again
from tasvir.score.auditing.figures import Audited, Part
from tasvir.score.auditing.truth import known, rating_of

SHARES = (1.0, 0.8, 0.6, 0.4)
FAULTS = ((), ("wrong relation",), ("wrong colour",), ("wrong relation", "wrong colour"))
KNOWING = MetricInfo("knowing", {}, "a")
BLIND = MetricInfo("blind", {}, "b")
REVERSED = MetricInfo("reversed", {}, "c")
LOWER = MetricInfo("lower", {}, "d", higher_is_better=False)
JUDGE = MetricInfo("judge:x", {}, "e")


def scored(name: str, value: float | None, details: dict[str, Any] | None = None) -> Score:
    return Score(name, value, "" if value is not None else "it is silent: about this", details or {})


def run(
    n_prompts: int = 12, *, metrics: tuple[MetricInfo, ...] = (KNOWING, BLIND, REVERSED, LOWER)
) -> RunResults:
    prompts, cells = {}, []
    for number in range(n_prompts):
        name = f"p{number}"
        claim = "left of" if number % 2 else "holding"
        facts = {"description": {"entities": [], "claims": [[claim, 0, 1]]}}
        prompts["audit", name] = SuitePrompt(name, f"text {number}", "wrong relation", facts)
        for share, faults in zip(SHARES, FAULTS, strict=True):
            truth = {
                "share": share,
                "faults": list(faults),
                "relations": [claim] if "wrong relation" in faults else [],
            }
            values = {
                "knowing": scored("knowing", share),
                "blind": scored("blind", 0.5),
                "reversed": scored("reversed", -share),
                "lower": scored("lower", -share),
            }
            picture = f"{number}-{share}"
            cells.append(
                Cell("audit", name, f"m{share}", 0, picture=picture, story={"truth": truth}, scores=values)
            )
    models = tuple(ModelInfo(f"m{share}", "pictures") for share in SHARES)
    return RunResults({}, {"audit": {}}, prompts, models, metrics, tuple(cells))


def part(results: RunResults, again: dict[str, Again] | None = None, noise: float = 0.0) -> Part:
    return audit({"rendered": (results, again or {})}, draws=200, noise=noise).parts[0]


def of(found: Part, name: str) -> Audited:
    return next(one for one in found.metrics if one.metric == name)


def test_ratings_are_equal_steps_of_the_share_and_5_is_all_true_alone() -> None:
    assert [rating_of(share) for share in (0, 0.24, 0.25, 0.5, 0.75, 0.99, 1)] == [1, 1, 2, 3, 4, 4, 5]
    assert [rating_of(0.5, error) for error in (-9, -0.6, 0.4, 0.6, 9)] == [1, 2, 3, 4, 5]
    assert rating_of(0.1 + 0.2 + 0.45) == 4  # three quarters but for dust


def test_a_metric_that_returns_the_truth_has_tau_1_and_one_upside_down_has_minus_1() -> None:
    found = part(run())
    knowing, upside_down = of(found, "knowing"), of(found, "reversed")
    assert knowing.share.tau.value == knowing.rating.rho.value == pytest.approx(1)
    assert upside_down.share.tau.value == pytest.approx(-1)
    assert (knowing.share.n_pictures, knowing.share.n_prompts) == (48, 12)
    assert of(found, "lower").share.tau.value == pytest.approx(1)  # its lower values are better
    assert knowing.twins.above.value == 1 and upside_down.twins.above.value == 0
    assert knowing.twins.n_pairs == 24 and knowing.twins.n_prompts == 12  # two single faults a text


def test_a_constant_metric_has_no_tau_and_a_reason_and_is_at_chance() -> None:
    blind = of(part(run()), "blind")
    assert (
        blind.rating.tau.value is None and blind.rating.tau.reason == "it gives every picture the same value"
    )
    assert blind.twins.above.value == 0.5 and blind.twins.tied == 1.0


def test_the_correlation_is_the_one_that_scipy_finds() -> None:
    results = run(30, metrics=(KNOWING,))
    rng = np.random.default_rng(0)
    noisy = []
    for cell in results.cells:
        value = cell.story["truth"]["share"] + float(rng.normal(0, 0.3))
        noisy.append(Cell(*_where(cell), scores={"knowing": scored("knowing", value)}))
    changed = RunResults({}, results.suites, results.prompts, results.models, (KNOWING,), tuple(noisy))
    found = of(part(changed), "knowing")
    values = [cell.scores["knowing"].value for cell in noisy]
    shares = [cell.story["truth"]["share"] for cell in noisy]
    assert found.share.tau.value == pytest.approx(scipy.stats.kendalltau(values, shares).statistic)
    assert found.share.rho.value == pytest.approx(scipy.stats.spearmanr(values, shares).statistic)
    low, high = found.share.tau.interval or (1, 0)
    assert low < found.share.tau.value < high < 1
    pairs = [(values[i], values[i + j]) for i in range(0, len(values), 4) for j in (1, 2)]
    assert found.twins.above.value == pytest.approx(np.mean([true > faulty for true, faulty in pairs]))


def _where(cell: Cell) -> tuple[Any, ...]:
    return (
        *(cell.suite, cell.prompt, cell.model, cell.seed, {}, cell.picture, cell.path, "", None),
        cell.story,
    )


def test_faults_and_relations_are_told_apart() -> None:
    results = run()
    cells = []
    for cell in results.cells:
        sees = "wrong colour" not in cell.story["truth"]["faults"]  # an eye for colours alone
        cells.append(Cell(*_where(cell), scores={"knowing": scored("knowing", float(sees))}))
    changed = RunResults({}, results.suites, results.prompts, results.models, (KNOWING,), tuple(cells))
    found = of(part(changed), "knowing")
    above = {sort.name: sort.twins.above.value for sort in found.faults}
    assert above == {"wrong relation": 0.5, "wrong colour": 1.0}
    assert next(iter(above)) == "wrong relation"  # in the order of the prompts' categories
    kinds = {sort.name: (sort.ranked.n_pictures, sort.twins.n_pairs) for sort in found.relations}
    assert kinds == {"plane": (24, 6), "action": (24, 6)}


def test_leads_are_shown_only_where_the_interval_says_so() -> None:
    found = part(run(metrics=(REVERSED, KNOWING, LOWER)))
    assert [one.metric for one in found.metrics][-1] == "reversed"
    leads = {(lead.first, lead.second): lead for lead in found.leads}
    lead = leads["knowing", "reversed"]
    assert (
        lead.tau.value == pytest.approx(2 * of(found, "knowing").rating.tau.value) and lead.verdict == "first"
    )
    assert leads["knowing", "lower"].verdict == "undecided" and leads["knowing", "lower"].tau.value == 0
    blind = part(run(metrics=(KNOWING, BLIND))).leads[0]
    assert blind.tau.value is None and blind.verdict == "undecided" and "same value" in blind.tau.reason


def test_what_a_judge_did_not_answer_is_counted_and_what_it_repeats_is_compared() -> None:
    results = run(6, metrics=(JUDGE,))
    cells = []
    for number, cell in enumerate(results.cells):
        levels = [3, 3] if number % 2 else [2, 4]
        usage = {"calls": 2, "replayed": 0, "seconds": 1.5, "money": 0.02}
        details = {"levels": levels, "unread": 1, "usage": usage}
        value = None if number == 0 else 0.6
        cells.append(Cell(*_where(cell), scores={"judge:x": scored("judge:x", value, details)}))
    changed = RunResults({}, results.suites, results.prompts, results.models, (JUDGE,), tuple(cells))
    found = of(part(changed), "judge:x")
    assert found.n_missing == 1 and found.reasons == (("it is silent: about this", 1),)
    assert found.rating.n_pictures == 23
    asked = found.asking
    assert (asked.n_questions, asked.n_unread) == (24 * 3, 24)
    assert asked.equal.value == 0.5 and asked.n_repeated == 24 and asked.times == 2
    assert asked.money == pytest.approx(0.02) and asked.seconds == pytest.approx(1.5)
    # 24 units, half 3-3, half 2-4: by hand, ordinal distances of 12 twos, 24 threes, 12 fours
    apart = {(2, 3): (6 + 12) ** 2, (3, 4): (12 + 6) ** 2, (2, 4): (6 + 24 + 6) ** 2}
    observed = 24 * apart[2, 4]
    expected = 2 * (12 * 24 * apart[2, 3] + 24 * 12 * apart[3, 4] + 12 * 12 * apart[2, 4])
    assert asked.alpha.value == pytest.approx(1 - 47 * observed / expected)


def test_metrics_that_compute_are_told_from_those_that_ask() -> None:
    asked = of(part(run(), {"knowing": Again(16, 3, 12, 0.25, 0.01)}), "knowing").asking
    assert asked.n_questions is None and asked.equal.value == 0.75 and asked.seconds == 0.01
    assert of(part(run()), "knowing").asking.equal.value is None


def test_raters_that_err_are_seeded_and_lower_the_ceiling() -> None:
    results = run(40)
    first, again = (known(results, noise=1.0, seed=5) for _ in range(2))
    assert first == again != known(results, noise=1.0, seed=6)
    assert {picture.rating for picture in first} == {1, 2, 3, 4, 5}
    found = of(part(results, noise=1.0), "knowing")
    assert found.share.tau.value == pytest.approx(1) and 0.3 < (found.rating.tau.value or 0) < 0.95


def test_the_oracle_tells_the_truth_of_drawn_pictures_and_is_not_audited() -> None:
    oracle = MetricInfo("predicates", {}, "o")
    results = run(metrics=(KNOWING, oracle))
    cells = []
    for cell in results.cells:
        share = cell.story["truth"]["share"]
        scores = {"knowing": cell.scores["knowing"]}
        if share > 0.5:
            scores["predicates"] = scored("predicates", 0.0, {"share": share})
        drawn = Cell(*(*_where(cell)[:-1], {}), scores=scores)
        cells.append(drawn)
    changed = RunResults({}, results.suites, results.prompts, results.models, results.metrics, tuple(cells))
    found = part(changed)
    assert [one.metric for one in found.metrics] == ["knowing"]
    assert (found.n_pictures, found.n_unknown) == (36, 12)
    assert found.metrics[0].share.tau.value == pytest.approx(1)
    assert not found.metrics[0].faults and found.metrics[0].twins.above.value is None
