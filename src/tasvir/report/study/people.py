"""What people's ratings say: how far raters agree, and which metric follows them best."""

from __future__ import annotations

from collections.abc import Mapping

from tasvir.report.study.rating_sheets import correlation_id, gap_id
from tasvir.report.study.statements import interval_of, names, say
from tasvir.report.study.values import Name, Ref, Slot, Statement, Value, value_id
from tasvir.score.comparison import RATING, Comparison, CorrelationGap


def people(comparison: Comparison, values: Mapping[str, Value]) -> list[Statement]:
    """By suite: agreement among raters, and the metric that follows them best."""
    said: list[Statement] = []
    for one in comparison.agreement:
        alpha = value_id("agreement", one.suite, "alpha")
        slots: dict[str, Slot] = {
            "suite": Name(one.suite),
            "count": Ref(value_id("agreement", one.suite, "raters")),
            "ratings": Ref(value_id("agreement", one.suite, "n_ratings")),
            "pictures": Ref(value_id("agreement", one.suite, "n_pictures")),
        }
        said.append(say("people.rated", **slots))
        if values[alpha].value is not None:
            said.append(say("people.alpha", alpha=Ref(alpha), interval=interval_of(values[alpha])))
        said += _follows(one.suite, comparison, values)
    return said


def _follows(suite: str, comparison: Comparison, values: Mapping[str, Value]) -> list[Statement]:
    ids = {
        (one.second if one.first == RATING else one.first): correlation_id(one, "pooled_tau")
        for one in comparison.correlations
        if one.suite == suite and RATING in (one.first, one.second) and one.pooled_tau.value is not None
    }
    if not ids:
        return [say("people.no_correlation", ["agreement"])]
    ranked = sorted(ids, key=lambda metric: -(values[ids[metric]].value or 0.0))
    best = ids[ranked[0]]
    told: dict[str, Slot] = {
        "metric": Name(ranked[0]),
        "tau": Ref(best),
        "interval": interval_of(values[best]),
    }
    if len(ranked) == 1:
        return [say("people.one_metric", **told)]
    leaders = [metric for metric in ranked if values[ids[metric]].value == values[best].value]
    if len(leaders) > 1:
        return [say("people.tied", ids.values(), metrics=names(leaders), tau=Ref(best))]
    said = [say("people.follows", ids.values(), **told)]
    gap = next(
        (g for g in comparison.gaps if g.suite == suite and {g.first, g.second} == set(ranked[:2])), None
    )
    return said if gap is None else [*said, *_gap(gap, *ranked[:2])]


def _gap(gap: CorrelationGap, best: str, second: str) -> list[Statement]:
    """Whether the best metric is told apart from the next on the pictures that both know: the difference's
    interval leaves 0 out."""
    if gap.tau.value is None:
        return []
    slots: dict[str, Slot] = {"second": Name(second), "gap": Ref(gap_id(gap, "tau"), absolute=True)}
    ahead = gap.tau.value if gap.first == best else -gap.tau.value
    if ahead <= 0:
        return [say("people.other_way", **slots)]
    if gap.tau.interval is None:
        return [say("people.untold_gap", **slots)]
    low, high = gap.tau.interval
    return [say("people.gap" if low > 0 or high < 0 else "people.no_gap", **slots)]
