"""What quality costs: who is fast, who is both slower and worse than another, where more stops paying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasvir.report.study.run_sheets import speed_id, sweep_base
from tasvir.report.study.scored import Scored, same, settings_text
from tasvir.report.study.statements import names, say
from tasvir.report.study.values import Message, Name, Ref, Slot, Statement, Value, value_id
from tasvir.score.comparison import Comparison, Sweep


def times(one: Scored, comparison: Comparison, values: Mapping[str, Value]) -> list[Statement]:
    """Fastest and slowest on a table's suite and setting, and who is beaten on both counts."""
    scope = (one.table.suite, settings_text(one.table.settings))
    ids = {
        time.model: value_id("times", *scope, time.model)
        for time in comparison.times
        if time.seconds and (time.suite, settings_text(time.settings)) == scope
    }
    seconds = {model: values[id].value or 0.0 for model, id in ids.items()}
    if not seconds:
        return []
    fast, slow = (_at(seconds, end(seconds.values())) for end in (min, max))
    first = ids[fast[0]]
    told: dict[str, Slot] = {"seconds": Ref(first), "low": Ref(first, "low"), "high": Ref(first, "high")}
    told["count"] = Ref(first, "n")
    if len(seconds) == 1:
        return [say("time.alone", model=Name(fast[0]), **told)]
    if len(fast) == len(seconds):
        return [say("time.tied", ids.values(), seconds=Ref(first))]
    last = ids[slow[0]]
    ratio = Ref(value_id("times", *scope, slow[0], "ratio"))
    return [
        say("time.fastest", ids.values(), models=names(fast), **told),
        say("time.slowest", ids.values(), models=names(slow), seconds=Ref(last), ratio=ratio),
        *_beaten(one, ids, values),
    ]


def _at(numbers: Mapping[str, float], wanted: float) -> list[str]:
    """Names of all that have that number."""
    return [name for name, number in numbers.items() if same(number, wanted)]


def _beaten(one: Scored, ids: Mapping[str, str], values: Mapping[str, Value]) -> list[Statement]:
    """Models that another equals or beats in mean and time, and beats in one; and those that none does."""
    points = {
        model: (one.sign(number), -(values[id].value or 0.0))
        for model, id in ids.items()
        if (number := values[one.id("means", model)].value) is not None
    }
    if len(points) < 2:
        return []
    by = {
        model: next(
            (
                other
                for other, there in points.items()
                if there != here and there[0] >= here[0] and there[1] >= here[1]
            ),
            None,
        )
        for model, here in points.items()
    }
    among = [*ids.values(), *(one.id("means", model) for model in points)]
    front = [model for model, other in by.items() if other is None]
    said = [say("time.front", among, models=names(front), metric=Name(one.table.metric))]
    for model, other in by.items():
        if other is not None:
            said.append(
                say(
                    "time.beaten",
                    among,
                    model=Name(model),
                    other=Name(other),
                    value=Ref(one.id("means", model)),
                    better=Ref(one.id("means", other)),
                    seconds=Ref(ids[model]),
                    less=Ref(ids[other]),
                )
            )
    return said


def steps_per_second(comparison: Comparison, values: Mapping[str, Value]) -> list[Statement]:
    """Who takes the most denoising steps a second."""
    ids = {
        speed_id(index, speed, "steps_per_second"): speed
        for index, speed in enumerate(comparison.speeds)
        if speed.steps_per_second is not None
    }
    if not ids:
        return []
    numbers = {id: values[id].value or 0.0 for id in ids}
    most = _at(numbers, max(numbers.values()))
    models = names(dict.fromkeys(ids[id].model for id in most))
    return [say("time.steps", ids, models=models, steps=Ref(most[0]), device=Name(ids[most[0]].device))]


def sweeps(found: Sequence[Sweep], values: Mapping[str, Value]) -> list[Statement]:
    """Where more of a setting stops paying."""
    return [_sweep(sweep, values) for sweep in found]


def _sweep(sweep: Sweep, values: Mapping[str, Value]) -> Statement:
    base = sweep_base(sweep)
    among = [value_id(*base, str(point.at), key) for point in sweep.points for key in ("mean", "p_holm")]
    slots: dict[str, Slot] = {
        name: Name(getattr(sweep, name)) for name in ("model", "key", "metric", "suite")
    }
    if sweep.best is None or sweep.knee is None:
        return say("sweep.nothing", among, reason=Name(sweep.reason), **slots)

    def number(point: object, column: str) -> Ref:
        return Ref(value_id(*base, str(point), column))

    def place(point: object) -> Ref | Name:
        return number(point, "at") if isinstance(point, int) else Name(str(point))

    best: dict[str, Slot] = {"best": place(sweep.best), "value": number(sweep.best, "mean")}
    if sweep.best == sweep.points[0].at:
        return say("sweep.least", among, **slots, **best)
    if sweep.best == sweep.knee:
        highest = sweep.best == sweep.points[-1].at
        return say("sweep.rising" if highest else "sweep.peak", among, **slots, **best)
    knee: dict[str, Slot] = {"knee": place(sweep.knee), "other": number(sweep.knee, "mean")}
    knee |= {"mde": number(sweep.knee, "mde")}
    cost = {"seconds": number(sweep.best, "seconds"), "less": number(sweep.knee, "seconds")}
    timed = all(values[ref.id].value is not None for ref in cost.values())
    spent = Message("part.seconds", dict(cost)) if timed else Message("part.untimed")
    return say("sweep.knee", among, **slots, **best, **knee, spent=spent)
