"""Sheets of scores: means, categories, prompts, pairs, places, and how many pairs are decided."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from tasvir.report.study.scored import Scored, at, same, settings_text
from tasvir.report.study.values import Entry, Message, Name, Sheet, Value, digits_for, value_id
from tasvir.results import SetFigure
from tasvir.score.comparison import Comparison, Group, Mean, Pair, Verdict

ALL = "*"
"""Stands in ids for all categories, or for all models."""


def means_sheets(scored: Iterable[Scored], comparison: Comparison) -> list[Sheet]:
    """A sheet for each suite and setting: models down, metrics across, those of sets at the end."""
    scopes: dict[tuple[str, str], list[Scored]] = {}
    for one in scored:
        scopes.setdefault((one.table.suite, settings_text(one.table.settings)), []).append(one)
    sets: dict[tuple[str, str], list[SetFigure]] = {}
    for figure in comparison.set_figures:
        sets.setdefault((figure.suite, settings_text(figure.settings)), []).append(figure)
    sheets = []
    for scope in dict.fromkeys([*scopes, *sets]):
        ones, figures = scopes.get(scope, []), sets.get(scope, [])
        metrics = list(dict.fromkeys(figure.metric for figure in figures))
        rows: list[tuple[Entry, ...]] = [
            (
                Name(model.name),
                *(_overall_value(one, model.name) for one in ones),
                *(_set_value(scope, metric, model.name, figures) for metric in metrics),
            )
            for model in comparison.models
        ]
        settings = ones[0].table.settings if ones else figures[0].settings
        sheets.append(
            Sheet(
                value_id("means", *scope),
                Message("sheet.means", {"suite": Name(scope[0]), "at": at(settings)}),
                (Message("word.model"), *(Name(one.table.metric) for one in ones), *map(Name, metrics)),
                tuple(rows),
                (Message("note.means"),),
            )
        )
    return sheets


def _overall_value(one: Scored, model: str) -> Value:
    """A model's mean; no value where the suite was not asked of it."""
    known = next((mean for mean in one.table.overall.means if mean.model == model), None)
    id = one.id("means", model)
    return Value(id, None, reason="not asked for") if known is None else mean_value(id, one, known)


def mean_value(id: str, one: Scored, mean: Mean) -> Value:
    low, high = mean.interval or (None, None)
    return Value(id, mean.value, "score", one.digits, low, high, mean.n_prompts, _why(mean))


def categories_sheet(one: Scored) -> Sheet | None:
    """Categories down, models across, and the mean of the models' means; None without categories."""
    table = one.table
    if not table.categories:
        return None
    models = [mean.model for mean in table.overall.means]
    rows = [_category_row(one, group, models) for group in (*table.categories, table.overall)]
    return Sheet(
        one.id("categories"),
        Message("sheet.categories", one.names),
        (Message("word.category"), *map(Name, models), Message("word.all_models")),
        tuple(rows),
        (Message("note.categories"),),
    )


def _category_row(one: Scored, group: Group, models: list[str]) -> tuple[Entry, ...]:
    category = group.category or ALL
    cells = [
        mean_value(one.id("categories", category, mean.model), one, mean) for mean in map(group.mean, models)
    ]
    known = [cell.value for cell in cells if cell.value is not None]
    whole = math.fsum(known) / len(known) if known and len(known) == len(cells) else None
    together = Value(one.id("categories", category, ALL), whole, "score", one.digits, n=group.n_prompts)
    return Name(group.category) if group.category else Message("word.all_prompts"), *cells, together


def prompts_sheet(one: Scored) -> Sheet:
    """Prompts down, models across: means over seeds; the means over prompts below."""
    models = [mean.model for mean in one.table.overall.means]
    rows: list[tuple[Entry, ...]] = [
        (
            Name(one.texts[prompt]),
            *(
                Value(one.id("prompts", prompt, model), values.get(model), "score", one.digits)
                for model in models
            ),
        )
        for prompt, values in one.by_prompt.items()
    ]
    below = [
        mean_value(one.id("prompts", ALL, mean.model), one, mean)
        for mean in map(one.table.overall.mean, models)
    ]
    return Sheet(
        one.id("prompts"),
        Message("sheet.prompts", one.names),
        (Message("word.prompt"), *map(Name, models)),
        (*rows, (Message("word.mean"), *below)),
    )


PAIR_HEAD = ("n", "difference", "p_holm", "effect", "mde", "wins", "ties", "losses", "needed", "verdict")


def pairs_sheet(one: Scored, group: Group) -> Sheet | None:
    """Every two models, the one with the better mean first; None where there is no pair."""
    if not group.pairs:
        return None
    rows = [_pair_row(one, group.category or ALL, oriented(one, pair)) for pair in group.pairs]
    caption = Message("sheet.pairs", one.names)
    if group.category:
        caption = Message("sheet.category_pairs", {**one.names, "category": Name(group.category)})
    head = (Message("word.pair"), *(Message(f"word.{name}") for name in PAIR_HEAD))
    return Sheet(one.id("pairs", group.category or ALL), caption, head, tuple(rows), (Message("note.pairs"),))


def oriented(one: Scored, pair: Pair) -> Pair:
    """The pair with the better mean first; its difference is how far it is ahead, whatever the direction."""
    if pair.difference is None:
        return pair
    if not one.table.higher_is_better:
        pair = _turned(pair)
    if pair.difference is None or pair.difference >= 0:
        return pair
    flipped: dict[Verdict, Verdict] = {"first": "second", "second": "first", "undecided": "undecided"}
    return replace(
        _turned(pair),
        first=pair.second,
        second=pair.first,
        wins=pair.losses,
        losses=pair.wins,
        verdict=flipped[pair.verdict],
    )


def _turned(pair: Pair) -> Pair:
    """Differences with the other sign."""
    return replace(
        pair,
        difference=None if pair.difference is None else -pair.difference,
        interval=None if pair.interval is None else (-pair.interval[1], -pair.interval[0]),
        effect=None if pair.effect is None else -pair.effect,
    )


def pair_id(one: Scored, category: str, pair: Pair, column: str) -> str:
    """Id of a value of a pair; the pair as `oriented` gives it."""
    return one.id("pairs", category or ALL, pair.first, pair.second, column)


def _pair_row(one: Scored, category: str, pair: Pair) -> tuple[Entry, ...]:
    low, high = pair.interval or (None, None)
    digits = max(one.digits, digits_for([pair.mde]))
    numbers = {
        "n": Value("", pair.n, "count"),
        "difference": Value("", pair.difference, "difference", digits, low, high, pair.n, pair.reason),
        "p_holm": Value("", pair.p_holm, "p", n=pair.n, reason=pair.reason),
        "effect": Value("", pair.effect, "difference", 2, n=pair.n, reason=pair.reason),
        "mde": Value("", pair.mde, "plain", digits, n=pair.n, reason=pair.reason),
        "wins": Value("", pair.wins, "count"),
        "ties": Value("", pair.ties, "count"),
        "losses": Value("", pair.losses, "count"),
        "needed": Value("", prompts_needed(pair), "count"),
    }
    verdict = Message("word.decided") if pair.better else Message("word.undecided")
    name = Message("word.versus", {"first": Name(pair.first), "second": Name(pair.second)})
    cells = (replace(value, id=pair_id(one, category, pair, key)) for key, value in numbers.items())
    return name, *cells, verdict


def prompts_needed(pair: Pair) -> float | None:
    """Prompts at which a difference as large as the one seen would be shown four times out of five.

    The least difference that can be shown falls with the square root of n. None for a decided pair, and where
    there are as many already: then it is Holm's adjustment, or luck, that leaves the pair undecided.
    """
    if pair.better or not pair.difference or pair.mde is None:
        return None
    needed = math.ceil(pair.n * (pair.mde / pair.difference) ** 2)
    return needed if needed > pair.n else None


def places_sheet(one: Scored) -> Sheet | None:
    """Where each model stands, how sure that is, and on how many prompts it alone is best."""
    group = one.table.overall
    if not group.places:
        return None
    firsts = first_on(one)
    rows = []
    for place in group.places:
        name = place.model
        rows.append(
            (
                Name(name),
                Value(one.id("places", name, "place"), place.place, "count", n=group.n_common),
                Value(one.id("places", name, "first"), place.first, "share", n=group.n_common),
                Value(one.id("places", name, "best"), place.low, "count"),
                Value(one.id("places", name, "worst"), place.high, "count"),
                Value(one.id("places", name, "alone"), firsts[name], "count", n=group.n_common),
            )
        )
    return Sheet(
        one.id("places"),
        Message("sheet.places", one.names),
        tuple(Message(f"word.{key}") for key in ("model", "place", "first", "best", "worst", "alone")),
        tuple(rows),
        (Message("note.places"),),
    )


def first_on(one: Scored) -> dict[str, int]:
    """On how many prompts, of those that every model has a value for, a model alone has the best one."""
    models = [mean.model for mean in one.table.overall.means]
    counts = dict.fromkeys(models, 0)
    for values in one.by_prompt.values():
        known = {model: value for model in models if (value := values.get(model)) is not None}
        if len(known) < len(models):
            continue
        best = max(known.values(), key=one.sign)
        leaders = [model for model, value in known.items() if same(value, best)]
        if len(leaders) == 1:
            counts[leaders[0]] += 1
    return counts


def verdicts_sheet(scored: Iterable[Scored]) -> Sheet | None:
    """Of each table: prompts, missing scores, pairs, and how many of these are decided."""
    rows: list[tuple[Entry, ...]] = []
    for one in scored:
        pairs = one.table.overall.pairs
        numbers = {
            "prompts": one.table.overall.n_prompts,
            "missing": sum(mean.missing for mean in one.table.overall.means),
            "pairs": len(pairs),
            "decided_pairs": sum(pair.better is not None for pair in pairs),
        }
        values = (Value(one.id("verdicts", name), number, "count") for name, number in numbers.items())
        rows.append((Name(one.table.metric), Name(one.table.suite), one.at, *values))
    if not rows:
        return None
    head = ("metric", "suite", "settings", "prompts", "missing", "pairs", "decided_pairs")
    return Sheet(
        "verdicts", Message("sheet.verdicts"), tuple(Message(f"word.{key}") for key in head), tuple(rows)
    )


def _set_value(scope: tuple[str, str], metric: str, model: str, figures: list[SetFigure]) -> Value:
    found = next((f.score for f in figures if f.metric == metric and f.model == model), None)
    id = value_id("means", *scope, metric, model)
    if found is None:
        return Value(id, None)
    low, high = found.interval or (None, None)
    widths = [(high - low) / 2] if low is not None and high is not None else [found.spread]
    return Value(id, found.value, "score", digits_for(widths), low, high, found.n, found.reason)


def _why(mean: Mean) -> str:
    if mean.value is not None:
        return ""
    return "; ".join([mean.reason, *(f"{reason} ({count})" for reason, count in mean.reasons)]).strip("; ")
