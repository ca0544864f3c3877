"""What the data cannot tell, and what would tell it: read from what a run has and lacks, nothing canned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasvir.report.study.score_sheets import oriented, pair_id
from tasvir.report.study.scored import Scored
from tasvir.report.study.statements import names, say
from tasvir.report.study.values import Name, Ref, Slot, Statement, Value, value_id
from tasvir.results import RunResults

LEAST_PROMPTS = 30
"""Fewer are called few: intervals of so small a sample are themselves unsure."""
SWEPT = ("steps", "size")


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
        if id in values and values[id].value:
            said.append(say("cannot.unscored", count=Ref(id), **one.names))
    return said


def _undecided(
    scored: Sequence[Scored], values: Mapping[str, Value]
) -> tuple[list[Statement], list[Statement]]:
    """Pairs of the main tables that are not told apart, and how many prompts would tell them apart."""
    cannot: list[Statement] = []
    future: list[Statement] = []
    for one in scored:
        if not one.is_main:
            continue
        for pair in (oriented(one, pair) for pair in one.table.overall.pairs):
            needed = pair_id(one, "", pair, "needed")
            if pair.better or pair.difference is None:
                continue
            couple: dict[str, Slot] = {"first": Name(pair.first), "second": Name(pair.second), **one.names}
            p = pair_id(one, "", pair, "p_holm")
            cannot.append(say("cannot.undecided", [p], **couple))
            if values[needed].value is not None:
                told: dict[str, Slot] = {
                    "gap": Ref(pair_id(one, "", pair, "difference"), absolute=True),
                    "count": Ref(needed),
                }
                future.append(say("future.undecided", **couple, **told))
    return cannot, future


def _unswept(results: RunResults) -> list[Statement]:
    """Settings that were the same for all pictures."""
    said = []
    for key in SWEPT:
        if len({str(cell.settings.get(key)) for cell in results.cells}) == 1:
            said.append(say(f"future.one_{key}", [value_id("run", "settings")]))
    return said
