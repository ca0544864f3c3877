"""A run's folder made from results: what a run that brought just these would have left behind."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

from PIL import Image

from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import DRAW, CellRow, PictureRow, ScoreRow
from tasvir.results import Cell, RunResults


def make_png(of: str) -> bytes:
    """A small picture that is another one for another text."""
    colour = hashlib.sha256(of.encode()).digest()
    opened = io.BytesIO()
    image = Image.new("RGB", (16, 16), (colour[0], colour[1], colour[2]))
    image.putpixel((3, 4), (colour[3], colour[4], colour[5]))
    image.save(opened, "PNG")
    return opened.getvalue()


def with_pictures(results: RunResults) -> tuple[RunResults, dict[str, bytes]]:
    """The same results with pictures that exist, and these by SHA-256; ratings follow."""
    names: dict[str, str] = {}
    pictures: dict[str, bytes] = {}
    cells = []
    for cell in results.cells:
        if cell.picture is not None:
            png = make_png(cell.picture)
            names[cell.picture] = sha256 = hashlib.sha256(png).hexdigest()
            pictures[sha256] = png
            cell = replace(cell, picture=sha256, path=f"pictures/{sha256[:2]}/{sha256}.png")
        cells.append(cell)
    ratings = tuple(replace(rating, picture=names[rating.picture]) for rating in results.ratings)
    return replace(results, cells=tuple(cells), ratings=ratings), pictures


def picture_key(cell: Cell) -> str:
    return json.dumps([cell.suite, cell.prompt, cell.model, cell.seed, cell.settings])


def write_asked(folder: Path, results: RunResults) -> None:
    """``run.json`` as `tasvir bench` writes it."""
    suites = [
        {
            "label": label,
            "provenance": told,
            "prompts": [id for suite, id in results.prompts if suite == label],
        }
        for label, told in results.suites.items()
    ]
    sweeps: list[object] = []
    for cell in results.cells:
        if cell.settings not in sweeps:
            sweeps.append(cell.settings)
    asked = {
        **results.about,
        "suites": suites,
        "models": [
            {"name": model.name, "spec": model.spec, "derived_from": model.derived_from}
            for model in results.models
        ],
        "metrics": [metric.name for metric in results.metrics],
        "seeds": sorted({cell.seed for cell in results.cells}),
        "sweeps": sweeps or [{}],
    }
    (folder / "run.json").write_text(json.dumps(asked), encoding="utf-8")


def tell_store(store: RunStore, results: RunResults, pictures: dict[str, bytes]) -> None:
    """All that the results hold, into a store."""
    recipes = {metric.name: metric.recipe_hash for metric in results.metrics}
    for label, told in results.suites.items():
        prompts = [prompt for (suite, _), prompt in results.prompts.items() if suite == label]
        store.add_prompts(label, told, prompts)
    for model in results.models:
        store.add_model(model)
    for metric in results.metrics:
        store.add_metric(metric)
    drawn = [cell for cell in results.cells if cell.picture is not None]
    cells = results.cells
    store.add_cells(CellRow(c.suite, c.prompt, c.model, c.seed, c.settings, picture_key(c)) for c in cells)
    store.add_pictures(
        [PictureRow(picture_key(c), pictures[str(c.picture)], c.seconds, c.story) for c in drawn]
    )
    store.add_scores(
        [
            ScoreRow(str(cell.picture), results.prompts[cell.key], recipes[name], score)
            for cell in drawn
            for name, score in cell.scores.items()
        ]
    )
    for cell in results.cells:
        if cell.picture is None:
            store.add_failure(picture_key(cell), DRAW, cell.reason)
    for figure in results.set_figures:
        where = (figure.suite, figure.model, figure.settings)
        members = [str(c.picture) for c in drawn if (c.suite, c.model, c.settings) == where]
        store.add_set_score(members, recipes[figure.metric], figure.score)
    for rating in results.ratings:
        store.add_rating(rating)
    for speed in results.speeds:
        store.add_speed(speed)


def write_run(folder: Path, results: RunResults) -> RunResults:
    """Make the folder of a run; returns what `load_results` must say of it."""
    results, pictures = with_pictures(results)
    with RunStore(folder) as store:
        write_asked(folder, results)
        tell_store(store, results, pictures)
    return results
