"""What the data cannot tell, and what would tell it: read from what a run has and lacks, nothing canned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasvir.report.study.leading import couple
from tasvir.report.study.score_sheets import oriented, pair_id
from tasvir.report.study.scored import Scored
from tasvir.report.study.statements import names, say
from tasvir.report.study.values import Listed, Name, Ref, Statement, Value, value_id
from tasvir.results import RunResults

LEAST_PROMPTS = 30
"""Fewer are called few: intervals of so small a sample are themselves unsure."""
SWEPT = ("steps", "size")
NEAREST = 3
"""Of so many undecided pairs it is said how many prompts would decide them: those that need fewest."""


def limits(
    results: RunResults, scored: Sequence[Scored], values: Mapping[str, Value]
) -> tuple[list[Statement], list[Statement]]:
    """What cannot be told, and what could be done about it; both empty where there are no pictures."""
    cannot: list[Statement] = []
    future: list[Statement] = []
    run = {
        key: value_id("run", key) for key in ("suites", "prompts", "metrics", "seeds", "undrawn", "models")
    }
    number = {key: values[id].value or 0 for key, id in run.items()}

    def lack(key: str, id: str, **more: Name | Ref) -> None:
        cannot.append(say(f"cannot.{key}", [id], count=Ref(id), **more))
        future.append(say(f"future.{key}", [id]))

    if number["models"] < 2:
        lack("one_model", run["models"])
    if number["prompts"] < LEAST_PROMPTS:
        lack("few_prompts", run["prompts"])
    if number["seeds"] == 1:
        lack("one_seed", run["seeds"])
    if number["suites"] == 1:
        lack("one_suite", run["suites"])
    if number["metrics"] == 1:
        lack("one_metric", run["metrics"])
    if number["undrawn"]:
        lack("undrawn", run["undrawn"])
    if not results.ratings:
        cannot.append(say("cannot.no_ratings", [value_id("run", "ratings")]))
        future.append(say("future.no_ratings", [value_id("run", "ratings")]))
    cannot += [*_lone_categories(scored), *_unscored(scored, values)]
    more_undecided, more_needed = _undecided(scored, values)
    cannot += more_undecided
    future += [*more_needed, *_unswept(results)]
    return cannot, future


def _lone_categories(scored: Sequence[Scored]) -> list[Statement]:
    """Categories with a single prompt: their figures are that prompt's."""
    said = []
    for one in scored:
        if one.is_main:
            groups = [group.category for group in one.table.categories if group.n_prompts == 1]
            ids = [one.id("categories", category, "*") for category in groups]
            if groups:
                said.append(
                    say("cannot.lone_categories", ids, suite=Name(one.table.suite), categories=names(groups))
                )
    return said


def _unscored(scored: Sequence[Scored], values: Mapping[str, Value]) -> list[Statement]:
    """Scores that are missing though there is a picture or was to be one."""
    said = []
    for one in scored:
        id = one.id("verdicts", "missing")
        if one.discussed and values[id].value:
            said.append(say("cannot.unscored", count=Ref(id), **one.names))
    return said


def _undecided(
    scored: Sequence[Scored], values: Mapping[str, Value]
) -> tuple[list[Statement], list[Statement]]:
    """Pairs of the main tables that are not told apart, and how many prompts would tell the nearest apart."""
    cannot: list[Statement] = []
    future: list[Statement] = []
    for one in scored:
        pairs = [oriented(one, pair) for pair in one.table.overall.pairs if pair.better is None]
        pairs = [pair for pair in pairs if pair.difference is not None]
        if not pairs or not one.is_main:
            continue
        couples = Listed(tuple(couple(pair) for pair in pairs))
        among = [pair_id(one, "", pair, "p_holm") for pair in pairs]
        cannot.append(say("cannot.undecided", among, pairs=couples, **one.names))
        needed = {pair_id(one, "", pair, "needed"): pair for pair in pairs}
        known = sorted((number, id) for id in needed if (number := values[id].value) is not None)
        for _, id in known[:NEAREST]:
            pair = needed[id]
            gap = Ref(pair_id(one, "", pair, "difference"), absolute=True)
            named = {"first": Name(pair.first), "second": Name(pair.second), **one.names}
            future.append(say("future.undecided", needed, gap=gap, count=Ref(id), **named))
    return cannot, future


def _unswept(results: RunResults) -> list[Statement]:
    """Settings that were the same for all pictures."""
    said = []
    for key in SWEPT:
        if len({str(cell.settings.get(key)) for cell in results.cells}) == 1:
            said.append(say(f"future.one_{key}", [value_id("run", "settings")]))
    return said
