"""A run's folder read back as `RunResults`: the nouns that are compared and written up.

``run.json`` says what was asked and in which order; the store says which picture each cell shows, what it
scored, and what failed. A run that is still at work can be read: what is not there yet says so.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tasvir.bench.picture_files import PictureFiles
from tasvir.bench.store_rows import DRAW, digest, dumps, set_key
from tasvir.bench.store_schema import STORE, connect, telling
from tasvir.errors import RecordError
from tasvir.records import Score, SetScore, SuitePrompt
from tasvir.results import Cell, MetricInfo, ModelInfo, PromptKey, Rating, RunResults, SetFigure, Speed

ASKED = "run.json"
LOST = "the picture's file is gone or cut short: give the run's command again"
FORMAT = "tasvir-run/1"
_NEEDED: dict[str, set[str]] = {
    "suites": {"label", "prompts"},
    "models": {"name", "spec"},
    "metrics": set(),
    "sweeps": set(),
}
"""Lists in ``run.json``, and what their items must have."""


def read_asked(folder: Path) -> dict[str, Any]:
    """What a run was asked for, as its ``run.json`` has it.

    Raises:
        RecordError: There is none, it cannot be read, or it is of another format.
    """
    file = folder / ASKED
    try:
        asked = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise RecordError(
            f"{folder} holds no run (no {ASKED}): name the folder of a `tasvir bench`"
        ) from problem
    except (OSError, ValueError) as problem:
        raise RecordError(
            f"{file} cannot be read ({problem}): put a copy of it back, or begin anew in another folder"
        ) from problem
    if not isinstance(asked, dict) or asked.get("format") != FORMAT:
        raise RecordError(f"{file} is not of the format {FORMAT}: name a folder of `tasvir bench --out`")
    for name, fields in _NEEDED.items():
        rows = asked.get(name)
        if not isinstance(rows, list) or not all(_usable(row, fields) for row in rows):
            raise RecordError(f"{file} has no usable list {name!r}: put a copy of it back")
    return asked


def _usable(row: Any, fields: set[str]) -> bool:
    """What has fields is an object that has them, its prompts a list."""
    if not fields:
        return True
    return isinstance(row, dict) and fields <= row.keys() and isinstance(row.get("prompts", []), list)


def load_results(folder: Path) -> RunResults:
    """Everything of a run.

    Args:
        folder: Of the run, at work or not; nothing in it is changed. Of pictures only the sizes are looked
            at: one that is gone or cut short is missing, as it is for `RunStore`, which draws it again.

    Raises:
        RecordError: It holds no run, or one that cannot be read; says what to do.
    """
    asked = read_asked(folder)
    with telling(folder / STORE), closing(connect(folder, read_only=True)) as store:
        store.row_factory = sqlite3.Row
        store.execute("BEGIN")  # all is read as it is at one moment
        models = _models(store, asked["models"])
        metrics = _metrics(store, asked["metrics"])
        prompts, hashes = _prompts(store, asked["suites"])
        sizes = PictureFiles(folder).sizes()
        cells = _cells(store, _Order(asked), metrics, prompts, hashes, sizes)
        return RunResults(
            about={name: value for name, value in asked.items() if name != "suites"},
            suites={suite["label"]: suite.get("provenance", {}) for suite in asked["suites"]},
            prompts=prompts,
            models=models,
            metrics=metrics,
            cells=cells,
            set_figures=_set_figures(store, cells, metrics),
            ratings=_ratings(store),
            speeds=_speeds(store, {model.name for model in models}),
        )


class _Order:
    """Where things stand in ``run.json``."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.suites = _places(suite["label"] for suite in asked["suites"])
        self.prompts = {suite["label"]: _places(suite["prompts"]) for suite in asked["suites"]}
        self.models = _places(model["name"] for model in asked["models"])
        self.sweeps = _places(dumps(settings) for settings in asked["sweeps"])

    def place(self, row: sqlite3.Row) -> tuple[int, ...] | None:
        """Of a cell; None where it is not asked for."""
        try:
            return (
                self.suites[row["suite"]],
                self.prompts[row["suite"]][row["prompt"]],
                self.models[row["model"]],
                self.sweeps[row["settings"]],
                row["seed"],
            )
        except KeyError:
            return None


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _models(store: sqlite3.Connection, asked: list[dict[str, Any]]) -> tuple[ModelInfo, ...]:
    rows = {row["name"]: row for row in store.execute("SELECT * FROM models")}
    return tuple(
        ModelInfo(
            model["name"],
            model["spec"],
            json.loads(rows[model["name"]]["identity"]) if model["name"] in rows else {},
            model.get("derived_from"),
        )
        for model in asked
    )


def _metrics(store: sqlite3.Connection, asked: list[str]) -> tuple[MetricInfo, ...]:
    query = "SELECT metrics.*, recipes.recipe AS text FROM metrics JOIN recipes ON hash = metrics.recipe"
    rows = {row["name"]: row for row in store.execute(query)}
    return tuple(
        MetricInfo(
            name,
            json.loads(row["text"]),
            row["recipe"],
            bool(row["higher_is_better"]),
            (row["low"], row["high"]),
            bool(row["of_sets"]),
        )
        for name in asked
        if (row := rows.get(name)) is not None
    )


def _prompts(
    store: sqlite3.Connection, suites: list[dict[str, Any]]
) -> tuple[dict[PromptKey, SuitePrompt], dict[PromptKey, str]]:
    """The prompts asked for, and the hash of each that scores are kept under."""
    rows = {(row["suite"], row["id"]): row for row in store.execute("SELECT * FROM prompts")}
    keys = [(suite["label"], prompt) for suite in suites for prompt in suite["prompts"]]
    there = {key: rows[key] for key in keys if key in rows}
    prompts = {
        key: SuitePrompt(row["id"], row["text"], row["category"], json.loads(row["facts"]))
        for key, row in there.items()
    }
    return prompts, {key: row["hash"] for key, row in there.items()}


def _cells(
    store: sqlite3.Connection,
    order: _Order,
    metrics: tuple[MetricInfo, ...],
    prompts: Mapping[PromptKey, SuitePrompt],
    hashes: Mapping[PromptKey, str],
    sizes: Mapping[str, int],
) -> tuple[Cell, ...]:
    scores = _Scores(store, [metric for metric in metrics if not metric.of_sets])
    rows = store.execute(
        "SELECT cells.*, sha256, bytes, seconds, story, reason FROM cells LEFT JOIN pictures USING (key) "
        "LEFT JOIN failures ON failures.key = cells.key AND what = ?",
        (DRAW,),
    )
    found = []
    for row in rows:
        place = order.place(row)
        if place is not None and (row["suite"], row["prompt"]) in prompts:
            found.append((place, _cell(row, scores, hashes[row["suite"], row["prompt"]], sizes)))
    found.sort(key=lambda one: one[0])
    return tuple(cell for _, cell in found)


def _cell(row: sqlite3.Row, scores: _Scores, prompt: str, sizes: Mapping[str, int]) -> Cell:
    where = (row["suite"], row["prompt"], row["model"], row["seed"], json.loads(row["settings"]))
    picture = row["sha256"]
    if picture is None:
        return Cell(*where, reason=row["reason"] or "not drawn yet")
    if sizes.get(picture) != row["bytes"]:
        return Cell(*where, reason=LOST)
    return Cell(
        *where,
        picture=picture,
        path=PictureFiles.name(picture),
        seconds=row["seconds"],
        story=json.loads(row["story"]),
        scores=scores.of(picture, prompt),
    )


class _Scores:
    """All scores of the metrics as they are now, and why some are missing."""

    def __init__(self, store: sqlite3.Connection, metrics: list[MetricInfo]) -> None:
        self._metrics = metrics
        self._failed = {
            row["key"]: row["reason"]
            for row in store.execute("SELECT * FROM failures WHERE what != ?", (DRAW,))
        }
        recipes = dumps([metric.recipe_hash for metric in metrics])
        query = "SELECT * FROM scores WHERE recipe IN (SELECT value FROM json_each(?))"
        self._rows = {
            (row["picture"], row["prompt"], row["recipe"]): row for row in store.execute(query, (recipes,))
        }

    def of(self, picture: str, prompt: str) -> dict[str, Score]:
        """By metric; one that failed has no value and says why, one that has not looked yet is not there."""
        found = {}
        for metric in self._metrics:
            row = self._rows.get((picture, prompt, metric.recipe_hash))
            if row is not None:
                details = json.loads(row["details"])
                found[metric.name] = Score(metric.name, row["value"], row["reason"], details)
            elif self._failed:
                reason = self._failed.get(digest(picture, prompt, metric.recipe_hash))
                if reason is not None:
                    found[metric.name] = Score(metric.name, None, reason)
        return found


def _set_figures(
    store: sqlite3.Connection, cells: tuple[Cell, ...], metrics: tuple[MetricInfo, ...]
) -> tuple[SetFigure, ...]:
    """What is known of the very pictures that the cells show now; a figure of fewer is not shown."""
    of_sets = [metric for metric in metrics if metric.of_sets]
    if not of_sets:
        return ()
    rows = {row["key"]: row for row in store.execute("SELECT * FROM set_scores")}
    sets: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.picture is not None:
            sets[cell.suite, cell.model, dumps(cell.settings)].append(cell)
    figures = []
    for metric in of_sets:
        for (suite, model, settings), members in sets.items():
            row = rows.get(set_key([str(cell.picture) for cell in members], metric.recipe_hash))
            if row is not None:
                score = _set_score(metric.name, row)
                figures.append(SetFigure(metric.name, suite, model, json.loads(settings), score))
    return tuple(figures)


def _set_score(name: str, row: sqlite3.Row) -> SetScore:
    interval = None if row["low"] is None else (row["low"], row["high"])
    details = json.loads(row["details"])
    return SetScore(name, row["value"], row["n"], row["spread"], interval, row["reason"], details)


def _ratings(store: sqlite3.Connection) -> tuple[Rating, ...]:
    """The last of each person, prompt and picture."""
    last = {}
    for row in store.execute("SELECT * FROM ratings ORDER BY made"):
        of = (row["rater"], row["suite"], row["prompt"], row["picture"])
        last[of] = Rating(*of, row["value"], row["seconds"])
    return tuple(last.values())


def _speeds(store: sqlite3.Connection, models: set[str]) -> tuple[Speed, ...]:
    """Of each model and setting the one of most pictures, of equal ones the last."""
    best = {}
    for row in store.execute("SELECT * FROM speeds ORDER BY n, made"):
        if row["model"] in models:
            best[row["model"], row["settings"]] = Speed(
                row["model"],
                json.loads(row["settings"]),
                row["n"],
                (row["low"], row["median"], row["high"]),
                row["steps_per_second"],
                row["batch"],
                row["load_seconds"],
                row["peak_bytes"],
                row["device"],
            )
    return tuple(best.values())
