"""The matrix of pictures: as JSON for the page's script, and some of its rows for paper."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasvir.report.study.pictures import Pictures
from tasvir.report.study.scored import Scored, settings_text
from tasvir.report.study.study import Study
from tasvir.report.study.words import Words
from tasvir.results import Cell, RunResults

ROWS = 24
"""So many rows are printed; the page has them all."""


@dataclass(frozen=True, slots=True)
class Square:
    """One cell of a printed row.

    Args:
        data: The picture as a data URI; empty where there is none.
        link: Where the whole picture lies.
        reason: Why there is no picture.
        scores: Metric and value in words.
    """

    data: str
    link: str
    reason: str
    scores: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt of the printed matrix."""

    text: str
    category: str
    squares: tuple[Square, ...]


def shown_cells(results: RunResults) -> list[Cell]:
    """Cells of the printed matrix: each suite's first seed at its last setting, evenly over the prompts."""
    if not results.cells:
        return []
    last = {cell.suite: settings_text(cell.settings) for cell in results.cells}
    seed: dict[str, int] = {}
    for cell in results.cells:
        seed.setdefault(cell.suite, cell.seed)
    chosen = set(_evenly(list(results.prompts), ROWS))
    return [
        cell
        for cell in results.cells
        if cell.key in chosen
        and settings_text(cell.settings) == last[cell.suite]
        and cell.seed == seed[cell.suite]
    ]


def rows(study: Study, pictures: Pictures, words: Words) -> list[Row]:
    """The printed matrix."""
    digits = {one.table.metric: one.digits for one in study.scored}
    by_key: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in shown_cells(study.results):
        by_key.setdefault(cell.key, {})[cell.model] = cell
    return [
        Row(
            study.results.prompts[key].text,
            study.results.prompts[key].category,
            tuple(_square(cells.get(model), pictures, digits, words) for model in study.models),
        )
        for key, cells in by_key.items()
    ]


def data(study: Study, pictures: Pictures, words: Words) -> dict[str, Any]:
    """What the page's script reads: lists are short, since there may be thousands of cells."""
    results = study.results
    settings = list(dict.fromkeys(settings_text(cell.settings) for cell in results.cells))
    suites, prompts = list(results.suites), {key: index for index, key in enumerate(results.prompts)}
    metrics = [metric.name for metric in results.metrics if not metric.of_sets]
    shas = {sha256: index for index, sha256 in enumerate(pictures.data)}
    cells = [
        {
            "p": prompts[cell.key],
            "m": study.models.index(cell.model),
            "k": settings.index(settings_text(cell.settings)),
            "e": cell.seed,
            "i": shas.get(cell.picture or "", -1),
            "r": pictures.problems.get(cell.picture or "", cell.reason),
            "t": cell.seconds,
            "s": [_score(cell, metric) for metric in metrics],
            "w": {str(index): cell.scores[m].reason for index, m in enumerate(metrics) if _why(cell, m)},
            "y": cell.story,
        }
        for cell in results.cells
    ]
    return {
        "models": [{"name": model.name, "spec": model.spec} for model in results.models],
        "metrics": [_metric(study, name) for name in metrics],
        "suites": suites,
        "settings": settings,
        "prompts": [
            {"s": suites.index(key[0]), "id": prompt.id, "text": prompt.text, "c": prompt.category}
            for key, prompt in results.prompts.items()
        ],
        "cells": cells,
        "pictures": [[uri, pictures.links[sha256]] for sha256, uri in pictures.data.items()],
        "texts": words.texts["view"],
        "point": words.numbers.point,
        "second": words.numbers.second,
    }


def script_json(value: Any) -> str:
    """JSON that no text in it can end the script element with, or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _metric(study: Study, name: str) -> dict[str, Any]:
    info = next(metric for metric in study.results.metrics if metric.name == name)
    ones: Sequence[Scored] = [one for one in study.scored if one.table.metric == name]
    found = [
        score.value
        for cell in study.results.cells
        if (score := cell.scores.get(name)) is not None and score.value is not None
    ]
    return {
        "name": name,
        "higher": info.higher_is_better,
        "digits": ones[0].digits if ones else 3,
        "right": threshold(found, info.higher_is_better),
    }


def threshold(values: Sequence[float], higher_is_better: bool) -> float | None:
    """From where on a picture is right at first: 1 (or 0) where all values are 0 or 1, else the median."""
    if not values:
        return None
    if set(values) <= {0.0, 1.0}:
        return 1.0 if higher_is_better else 0.0
    return round(sorted(values)[len(values) // 2], 4)


def _score(cell: Cell, metric: str) -> float | None:
    score = cell.scores.get(metric)
    return None if score is None or score.value is None else round(score.value, 6)


def _why(cell: Cell, metric: str) -> bool:
    return metric in cell.scores and bool(cell.scores[metric].reason)


def _square(cell: Cell | None, pictures: Pictures, digits: Mapping[str, int], words: Words) -> Square:
    if cell is None:
        return Square("", "", words.label("view.not_asked"), ())
    sha256 = cell.picture or ""
    scores = tuple(
        (name, words.numbers.decimal(score.value, digits.get(name, 3)) if score.value is not None else "–")
        for name, score in cell.scores.items()
    )
    reason = pictures.problems.get(sha256, cell.reason)
    return Square(pictures.data.get(sha256, ""), pictures.links.get(sha256, ""), reason, scores)


def _evenly(keys: Sequence[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    """At most so many, as far apart as they can be."""
    if len(keys) <= most:
        return list(keys)
    return [keys[index * len(keys) // most] for index in range(most)]
