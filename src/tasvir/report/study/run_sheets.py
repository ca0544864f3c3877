"""Sheets of the run itself: how much was asked for, who drew, what failed, how long it took, sweeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tasvir.report.study.scored import at, settings_text
from tasvir.report.study.values import Entry, Message, Name, Sheet, Value, value_id
from tasvir.results import RunResults, Speed
from tasvir.score.comparing.matrix import NOT_SCORED
from tasvir.score.comparison import Comparison, Pair, Sweep, SweepPoint, Time


def run_sheet(results: RunResults, comparison: Comparison) -> Sheet:
    """How much was asked for, and how much is there."""
    numbers = {
        "suites": len(results.suites),
        "prompts": len(results.prompts),
        "categories": len({(key[0], one.category) for key, one in results.prompts.items() if one.category}),
        "models": len(results.models),
        "metrics": len(results.metrics),
        "seeds": len({cell.seed for cell in results.cells}),
        "settings": len({settings_text(cell.settings) for cell in results.cells}),
        "asked": len(results.cells),
        "drawn": sum(cell.picture is not None for cell in results.cells),
        "undrawn": sum(cell.picture is None for cell in results.cells),
        "ratings": len(results.ratings),
        "draws": comparison.draws,
    }
    rows = tuple(
        (Message(f"run.{key}"), Value(value_id("run", key), number, "count"))
        for key, number in numbers.items()
    )
    return Sheet("run", Message("sheet.run"), (Message("word.what"), Message("word.number")), rows)


def suites_sheet(results: RunResults) -> Sheet:
    """Every suite with its prompts, and where they come from as far as it says."""
    rows = []
    for suite, provenance in results.suites.items():
        prompts = [prompt for (label, _), prompt in results.prompts.items() if label == suite]
        named = [prompt.category for prompt in prompts if prompt.category]
        rows.append(
            (
                Name(suite),
                Value(value_id("suites", suite, "prompts"), len(prompts), "count"),
                Value(value_id("suites", suite, "categories"), len(set(named)), "count"),
                Name(str(provenance.get("source", "–"))),
                Name(str(provenance.get("licence", "–"))),
            )
        )
    heads = tuple(Message(f"word.{key}") for key in ("suite", "prompts", "categories", "source", "licence"))
    return Sheet("suites", Message("sheet.suites"), heads, tuple(rows))


def models_sheet(results: RunResults) -> Sheet:
    """Every model with what it was fine-tuned from and its pictures."""
    drawn = Counter(cell.model for cell in results.cells if cell.picture is not None)
    undrawn = Counter(cell.model for cell in results.cells if cell.picture is None)
    rows = tuple(
        (
            Name(model.name),
            Name(model.spec),
            Name(model.derived_from or "–"),
            Value(value_id("models", model.name, "drawn"), drawn[model.name], "count"),
            Value(value_id("models", model.name, "undrawn"), undrawn[model.name], "count"),
        )
        for model in results.models
    )
    head = ("model", "spec", "derived_from", "drawn", "undrawn")
    return Sheet("models", Message("sheet.models"), tuple(Message(f"word.{key}") for key in head), rows)


def metrics_sheet(results: RunResults) -> Sheet:
    """Every metric with its direction, its bounds and the hash of its recipe."""
    rows: list[tuple[Entry, ...]] = []
    for metric in results.metrics:
        ends = zip(("low", "high"), metric.bounds, strict=True)
        bounds = (_bound(value_id("metrics", metric.name, end), number) for end, number in ends)
        direction = Message("word.higher" if metric.higher_is_better else "word.lower")
        of = Message("word.of_sets" if metric.of_sets else "word.of_pictures")
        rows.append((Name(metric.name), of, direction, *bounds, Name(metric.recipe_hash)))
    head = ("metric", "measures", "better", "least", "greatest", "recipe")
    heads = tuple(Message(f"word.{key}") for key in head)
    return Sheet("metrics", Message("sheet.metrics"), heads, tuple(rows), (Message("note.recipes"),))


def _bound(id: str, number: float | None) -> Value:
    whole = number is None or float(number).is_integer()
    return Value(id, number, "plain", 0 if whole else 2)


def failures_sheet(results: RunResults) -> Sheet | None:
    """What is missing and why, counted; None where nothing is."""
    found: Counter[tuple[str, str, str]] = Counter()
    of_pictures = {metric.name for metric in results.metrics if not metric.of_sets}
    for cell in results.cells:
        if cell.picture is None:
            found[cell.model, "", cell.reason] += 1
        for name, score in cell.scores.items():
            if score.value is None:
                found[cell.model, name, score.reason] += 1
        if cell.picture is not None:
            for name in of_pictures - cell.scores.keys():
                found[cell.model, name, NOT_SCORED] += 1
    for figure in results.set_figures:
        if figure.score.value is None:
            found[figure.model, figure.metric, figure.score.reason] += 1
    if not found:
        return None
    rows = tuple(
        (
            Name(model),
            Name(metric) if metric else Message("word.picture"),
            Name(reason) if reason else Message("word.no_reason"),
            Value(value_id("failures", model, metric, reason), count, "count"),
        )
        for (model, metric, reason), count in found.most_common()
    )
    heads = tuple(Message(f"word.{key}") for key in ("model", "missing", "reason", "number"))
    return Sheet("failures", Message("sheet.failures"), heads, rows)


def times_sheets(comparison: Comparison) -> list[Sheet]:
    """A sheet for each suite and setting: median wall time of a picture, and how many times the fastest."""
    scopes: dict[tuple[str, str], list[Time]] = {}
    for time in comparison.times:
        if time.seconds is not None:
            scopes.setdefault((time.suite, settings_text(time.settings)), []).append(time)
    heads = tuple(Message(f"word.{key}") for key in ("model", "seconds", "times_fastest"))
    sheets = []
    for scope, times in scopes.items():
        fastest = min(time.seconds[1] for time in times if time.seconds)
        rows = tuple(_time_row(scope, time, fastest) for time in times)
        caption = Message("sheet.times", {"suite": Name(scope[0]), "at": at(times[0].settings)})
        sheets.append(Sheet(value_id("times", *scope), caption, heads, rows, (Message("note.times"),)))
    return sheets


def _time_row(scope: tuple[str, str], time: Time, fastest: float) -> tuple[Entry, ...]:
    low, middle, high = time.seconds or (None, None, None)
    ratio = middle / fastest if middle is not None and fastest > 0 else None
    return (
        Name(time.model),
        Value(value_id("times", *scope, time.model), middle, "seconds", 3, low, high, time.n),
        Value(value_id("times", *scope, time.model, "ratio"), ratio, "plain", 2, n=time.n),
    )


def speeds_sheet(speeds: Iterable[Speed]) -> Sheet | None:
    """Timed drawing: warm, synchronised, without loading; None where nothing was timed."""
    rows = tuple(_speed_row(index, speed) for index, speed in enumerate(speeds))
    if not rows:
        return None
    head = ("model", "settings", "seconds", "steps_per_second", "batch", "load_seconds", "peak", "device")
    heads = tuple(Message(f"word.{key}") for key in head)
    return Sheet("speeds", Message("sheet.speeds"), heads, rows, (Message("note.speeds"),))


def speed_id(index: int, speed: Speed, column: str) -> str:
    """Of a value of the n-th speed: a model may have been timed on several devices."""
    return value_id("speeds", str(index), speed.model, settings_text(speed.settings), column)


def _speed_row(index: int, speed: Speed) -> tuple[Entry, ...]:
    low, middle, high = speed.seconds
    per_second = speed.steps_per_second
    return (
        Name(speed.model),
        at(speed.settings),
        Value(speed_id(index, speed, "seconds"), middle, "seconds", 3, low, high, speed.n),
        Value(speed_id(index, speed, "steps_per_second"), per_second, "plain", 2, n=speed.n),
        Value(speed_id(index, speed, "batch"), speed.batch, "count"),
        Value(speed_id(index, speed, "load_seconds"), speed.load_seconds, "seconds"),
        Value(speed_id(index, speed, "peak"), speed.peak_bytes, "bytes"),
        Name(speed.device),
    )


def sweep_groups(comparison: Comparison) -> list[list[Sweep]]:
    """The sweeps of one metric, suite and setting together, a model each."""
    groups: dict[tuple[str, str, str, str], list[Sweep]] = {}
    for sweep in comparison.sweeps:
        key = (sweep.metric, sweep.suite, sweep.key, settings_text(sweep.fixed))
        groups.setdefault(key, []).append(sweep)
    return list(groups.values())


def sweep_sheet(group: Sequence[Sweep], digits: int) -> Sheet:
    """The models while one setting varies: mean, time, and difference from each model's best point."""
    first = group[0]
    rows = tuple(_point_row(sweep, point, digits) for sweep in group for point in sweep.points)
    names = {"metric": Name(first.metric), "suite": Name(first.suite), "key": Name(first.key)}
    columns = ("mean", "seconds", "below_best", "p_holm", "mde", "mark")
    words = (Message(f"word.{key}") for key in columns)
    heads: tuple[Name | Message, ...] = (Message("word.model"), Name(first.key), *words)
    caption = Message("sheet.sweep", {**names, "at": at(first.fixed)})
    return Sheet(sweep_id(group), caption, heads, rows, (Message("note.sweep"),))


def sweep_id(group: Sequence[Sweep]) -> str:
    """Of the sheet of a group."""
    first = group[0]
    return value_id("sweeps", first.suite, settings_text(first.fixed), first.metric, first.key)


def sweep_base(sweep: Sweep) -> tuple[str, ...]:
    """How the ids of a sweep's values begin; the point and the column follow."""
    return ("sweeps", sweep.suite, settings_text(sweep.fixed), sweep.metric, sweep.model, sweep.key)


def _point_row(sweep: Sweep, point: SweepPoint, digits: int) -> tuple[Entry, ...]:
    where, mean, pair = (*sweep_base(sweep), str(point.at)), point.mean, point.against_best
    low, high = mean.interval or (None, None)
    number = point.at if isinstance(point.at, int) else None
    mark = (
        "word.best_and_knee" if point.at == sweep.best == sweep.knee
        else "word.best_point" if point.at == sweep.best
        else "word.knee" if point.at == sweep.knee
        else "word.nothing"
    )  # fmt: skip
    return (
        Name(sweep.model),
        Name(str(point.at)) if number is None else Value(value_id(*where, "at"), number, "count"),
        Value(value_id(*where, "mean"), mean.value, "score", digits, low, high, mean.n_prompts, mean.reason),
        Value(value_id(*where, "seconds"), point.seconds, "seconds"),
        _difference(where, pair, digits),
        Value(value_id(*where, "p_holm"), pair.p_holm if pair else None, "p"),
        Value(value_id(*where, "mde"), pair.mde if pair else None, "plain", digits),
        Message(mark),
    )


def _difference(where: tuple[str, ...], pair: Pair | None, digits: int) -> Value:
    id = value_id(*where, "below_best")
    if pair is None:
        return Value(id, None)
    low, high = pair.interval or (None, None)
    return Value(id, pair.difference, "difference", digits, low, high, pair.n, pair.reason)
