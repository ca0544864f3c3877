"""What metrics of sets say: who has the best value. Nothing is tested, since a set is one value."""

from __future__ import annotations

from collections.abc import Mapping

from tasvir.report.study.scored import at, settings_text
from tasvir.report.study.statements import interval_of, names, say
from tasvir.report.study.values import Name, Ref, Slot, Statement, Value, value_id
from tasvir.results import RunResults, SetFigure


def sets(results: RunResults, values: Mapping[str, Value]) -> list[Statement]:
    """By metric and suite, at the suite's last setting."""
    higher = {metric.name: metric.higher_is_better for metric in results.metrics}
    last = {figure.suite: settings_text(figure.settings) for figure in results.set_figures}
    groups: dict[tuple[str, str], list[SetFigure]] = {}
    for figure in results.set_figures:
        if settings_text(figure.settings) == last[figure.suite]:
            groups.setdefault((figure.metric, figure.suite), []).append(figure)
    return [_best(group, higher[metric], values) for (metric, _), group in groups.items()]


def set_id(figure: SetFigure) -> str:
    return value_id("means", figure.suite, settings_text(figure.settings), figure.metric, figure.model)


def _best(group: list[SetFigure], higher_is_better: bool, values: Mapping[str, Value]) -> Statement:
    every = [set_id(figure) for figure in group]
    first = group[0]
    slots: dict[str, Slot] = {
        "metric": Name(first.metric),
        "suite": Name(first.suite),
        "at": at(first.settings),
    }
    known = {figure.model: figure for figure in group if figure.score.value is not None}
    if not known:
        return say("sets.nothing", every, **slots)
    numbers = {model: figure.score.value or 0.0 for model, figure in known.items()}
    best = (max if higher_is_better else min)(numbers.values())
    leaders = [model for model, number in numbers.items() if number == best]
    value = values[set_id(known[leaders[0]])]
    slots |= {"value": Ref(value.id), "count": Ref(value.id, "n")}
    if len({figure.score.n for figure in known.values()}) > 1:
        return say("sets.unequal", every, metric=slots["metric"], suite=slots["suite"], at=slots["at"])
    if len(known) == 1:
        return say("sets.alone", every, model=Name(leaders[0]), **slots)
    if len(leaders) > 1:
        return say("sets.tied", every, models=names(leaders), **slots)
    return say("sets.best", every, model=Name(leaders[0]), interval=interval_of(value), **slots)
