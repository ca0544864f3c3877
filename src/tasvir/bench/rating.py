"""People's ratings of a run's pictures: which are shown, in which order, and the way in and out as CSV.

All raters get the same sample, spread evenly over models and categories; each gets it in an order of their
own. What is shown tells neither the model nor any score.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasvir.bench.agreement import choose
from tasvir.bench.filled_table import filled_table
from tasvir.bench.lines import writing
from tasvir.errors import RecordError, SettingError
from tasvir.results import Cell, Rating, RunResults

LEVELS = (1, 2, 3, 4, 5)
COLUMNS = ("rater", "suite", "prompt", "picture", "value", "seconds")
LONGEST_NAME = 60
_FORMULA = "=+-@"
"""What a spreadsheet would take for the beginning of a formula."""


@dataclass(frozen=True, slots=True)
class Rateable:
    """A picture that is to be rated against a prompt.

    Args:
        suite: Of the prompt.
        prompt: Its id.
        text: What the picture was to show.
        picture: SHA-256 of the PNG.
    """

    suite: str
    prompt: str
    text: str
    picture: str


def check_rater(name: str) -> str:
    """A rater's name without spaces around it.

    Raises:
        SettingError: It is empty, too long, or cannot be written into a table.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name[0] in _FORMULA:
        raise SettingError(
            f"rater {name!r}: give a name or initials of 1 to {LONGEST_NAME} letters, not {_FORMULA} first"
        )
    return name


def rateable(results: RunResults, sample: int | None = None) -> list[Rateable]:
    """The pictures to be rated, the same for every rater.

    Args:
        results: The run.
        sample: So many, evenly over models and categories; None = all.

    Raises:
        SettingError: The run has no pictures, or the sample is less than one.
    """
    found: dict[tuple[str, str, str], tuple[Rateable, dict[str, Any]]] = {}
    for cell in results.cells:
        if cell.picture is None or cell.story.get("blocked"):
            continue
        prompt, key = results.prompts[cell.key], (cell.suite, cell.prompt, cell.picture)
        row = {"arm": cell.model, "category": f"{cell.suite} {prompt.category}", "key": key}
        found.setdefault(key, (Rateable(cell.suite, cell.prompt, prompt.text, cell.picture), row))
    if not found:
        raise SettingError("the run has no pictures to rate yet: draw some with `tasvir bench`")
    rows = [row for _, row in found.values()]
    if sample is not None and sample < len(rows):
        rows = choose(rows, sample, np.random.default_rng(0))
    return [found[row["key"]][0] for row in rows]


def order_for(rater: str, count: int) -> list[int]:
    """The order in which a rater sees so many pictures: by chance, the same each time they come back."""
    seed = int.from_bytes(hashlib.sha256(rater.encode()).digest()[:8], "big")
    return [int(place) for place in np.random.default_rng(seed).permutation(count)]


def ratings_of(results: RunResults, rater: str) -> dict[tuple[str, str, str], int]:
    """What a rater has said, by suite, prompt and picture."""
    own = [rating for rating in results.ratings if rating.rater == rater]
    return {(rating.suite, rating.prompt, rating.picture): rating.value for rating in own}


def export_ratings(results: RunResults, file: Path) -> int:
    """Write all ratings as CSV; returns how many.

    Raises:
        OutputError: It cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in results.ratings:
        seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
        table.writerow([one.rater, one.suite, one.prompt, one.picture, one.value, seconds])
    with writing(file.parent):
        file.write_text(text.getvalue(), "utf-8", newline="")
    return len(results.ratings)


def read_ratings(results: RunResults, file: Path) -> list[Rating]:
    """Ratings out of a CSV file that are not in the run yet.

    Each line needs rater, prompt and value, and names its picture by SHA-256 (picture) or by model, with the
    seed where there are several; suite where two suites have a prompt of that name. What is exported can be
    read again.

    Raises:
        RecordError: It cannot be read, or a line is wrong; says which.
    """
    table = filled_table(file, "ratings")
    there = set(results.ratings)
    found = []
    for line in table:
        row = {str(name).strip().lower(): (value or "").strip() for name, value in line.items() if name}
        try:
            rating = _rating(results, row)
        except (ValueError, SettingError) as problem:
            raise RecordError(f"{file}, line {table.line_num}: {problem}") from problem
        if rating not in there:
            found.append(rating)
    return found


def _rating(results: RunResults, row: dict[str, str]) -> Rating:
    lacking = [name for name in ("rater", "prompt", "value") if not row.get(name)]
    if lacking or not (row.get("picture") or row.get("model")):
        raise ValueError(f"it lacks {', '.join(lacking) or 'picture or model'}")
    if row["value"] not in map(str, LEVELS):
        raise ValueError(f"the value is {row['value']!r}: expected a whole number from 1 to 5")
    seconds = float(row["seconds"].replace(",", ".")) if row.get("seconds") else None
    cell = _cell(results.cells, row)
    return Rating(
        check_rater(row["rater"]), cell.suite, cell.prompt, str(cell.picture), int(row["value"]), seconds
    )


def _cell(cells: Sequence[Cell], row: dict[str, str]) -> Cell:
    """The cell whose picture a line means."""
    found = [cell for cell in cells if cell.picture is not None and cell.prompt == row["prompt"]]
    for name in ("suite", "picture", "model", "seed"):
        if row.get(name):
            found = [cell for cell in found if str(getattr(cell, name)) == row[name]]
    pictures = {(cell.suite, cell.picture) for cell in found}
    if len(pictures) != 1:
        said = ", ".join(
            f"{name} {row[name]}" for name in ("suite", "prompt", "picture", "model", "seed") if row.get(name)
        )
        raise ValueError(f"{len(pictures)} pictures of the run are meant by {said}: name exactly one")
    return found[0]
