"""Sheets of agreement: metrics with people, metrics with each other, people with people."""

from __future__ import annotations

from collections.abc import Sequence

from tasvir.report.study.values import Entry, Kind, Message, Name, Sheet, Value, value_id
from tasvir.score.comparison import RATING, Agreement, Comparison, Correlation, CorrelationGap, Rater
from tasvir.score.statistics import Figure

LEVELS = ("pooled_tau", "pooled_rho", "within_tau", "within_rho", "system_tau", "system_rho")


def rating_sheets(comparison: Comparison) -> list[Sheet]:
    """How far people agree, metrics with them, which metric follows them better, metrics with each other."""
    with_people = [one for one in comparison.correlations if RATING in (one.first, one.second)]
    others = [one for one in comparison.correlations if one not in with_people]
    sheets = [
        _agreement_sheet(comparison.agreement),
        _raters_sheet(comparison.agreement),
        _correlations_sheet("ratings", with_people),
        _gaps_sheet(comparison.gaps),
        _correlations_sheet("metrics-agree", others),
    ]
    return [sheet for sheet in sheets if sheet is not None]


def correlation_id(one: Correlation, column: str) -> str:
    kind = "ratings" if RATING in (one.first, one.second) else "metrics-agree"
    return value_id(kind, one.suite, one.first, one.second, column)


def gap_id(gap: CorrelationGap, column: str) -> str:
    return value_id("gaps", gap.suite, gap.first, gap.second, column)


def _correlations_sheet(id: str, ones: Sequence[Correlation]) -> Sheet | None:
    rows: list[tuple[Entry, ...]] = [
        (
            Message("word.with", {"first": _side(one.first), "second": _side(one.second)}),
            Name(one.suite),
            Value(correlation_id(one, "n_prompts"), one.n_prompts, "count"),
            Value(correlation_id(one, "n_pictures"), one.n_pictures, "count"),
            *(_value(correlation_id(one, level), getattr(one, level), one.n_prompts) for level in LEVELS),
        )
        for one in ones
    ]
    if not rows:
        return None
    head = ("pair", "suite", "n_prompts", "n_pictures", *LEVELS)
    heads = tuple(Message(f"word.{key}") for key in head)
    return Sheet(id, Message(f"sheet.{id}"), heads, tuple(rows), (Message("note.correlations"),))


def _gaps_sheet(gaps: Sequence[CorrelationGap]) -> Sheet | None:
    rows: list[tuple[Entry, ...]] = [
        (
            Message("word.versus", {"first": Name(gap.first), "second": Name(gap.second)}),
            Name(gap.suite),
            _value(gap_id(gap, "tau"), gap.tau, gap.n_prompts, "difference"),
            _value(gap_id(gap, "rho"), gap.rho, gap.n_prompts, "difference"),
        )
        for gap in gaps
    ]
    if not rows:
        return None
    heads = tuple(Message(f"word.{key}") for key in ("pair", "suite", "gap_tau", "gap_rho"))
    return Sheet("gaps", Message("sheet.gaps"), heads, tuple(rows), (Message("note.gaps"),))


def _agreement_sheet(agreement: Sequence[Agreement]) -> Sheet | None:
    rows: list[tuple[Entry, ...]] = [
        (
            Name(one.suite),
            Value(value_id("agreement", one.suite, "raters"), len(one.raters), "count"),
            Value(value_id("agreement", one.suite, "n_ratings"), one.n_ratings, "count"),
            Value(value_id("agreement", one.suite, "n_pictures"), one.n_pictures, "count"),
            Value(value_id("agreement", one.suite, "n_shared"), one.n_shared, "count"),
            _value(value_id("agreement", one.suite, "alpha"), one.alpha, one.n_shared),
        )
        for one in agreement
    ]
    if not rows:
        return None
    head = ("suite", "raters", "n_ratings", "n_pictures", "n_shared", "alpha")
    heads = tuple(Message(f"word.{key}") for key in head)
    return Sheet("agreement", Message("sheet.agreement"), heads, tuple(rows), (Message("note.alpha"),))


def _raters_sheet(agreement: Sequence[Agreement]) -> Sheet | None:
    rows = tuple(_rater_row(one.suite, rater) for one in agreement for rater in one.raters)
    if not rows:
        return None
    head = ("rater", "suite", "number", "mean", "n_shared", "rest_tau", "rest_rho")
    return Sheet("raters", Message("sheet.raters"), tuple(Message(f"word.{key}") for key in head), rows)


def _rater_row(suite: str, rater: Rater) -> tuple[Entry, ...]:
    base = ("raters", suite, rater.name)
    return (
        Name(rater.name),
        Name(suite),
        Value(value_id(*base, "n"), rater.n, "count"),
        Value(value_id(*base, "mean"), rater.mean, "score", 2, n=rater.n),
        Value(value_id(*base, "n_shared"), rater.n_shared, "count"),
        _value(value_id(*base, "rest_tau"), rater.rest_tau, rater.n_shared),
        _value(value_id(*base, "rest_rho"), rater.rest_rho, rater.n_shared),
    )


def _value(id: str, figure: Figure, n: int, kind: Kind = "score") -> Value:
    low, high = figure.interval or (None, None)
    return Value(id, figure.value, kind, 2, low, high, n, figure.reason)


def _side(name: str) -> Name | Message:
    return Message("word.rating") if name == RATING else Name(name)
