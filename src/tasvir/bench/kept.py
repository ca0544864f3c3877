"""What an evaluation keeps in its folder: a line a result, a picture each, and by what both were made.

A row's stamp has two halves. What drew (generator, guide, their weights and code) can only be had again by
drawing; what scored (metric, the oracle's weights and code) can be had from the kept pictures: a new oracle
costs no drawing.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from tasvir.bench.code_version import WORLD, code_lines
from tasvir.bench.lines import read_lines, writing
from tasvir.errors import RecordError, SettingError, WeightsError
from tasvir.models.embedded import weights
from tasvir.models.fingerprint import BESIDE
from tasvir.records import Picture

Row = dict[str, Any]
Key = tuple[str, str]
"""A prompt's id and an arm."""
Stamp = dict[str, str | None]

SCORED_BY = ("metric", "oracle")
"""The half of a stamp that scoring anew replaces."""
SCORING_ONLY = ("models/embedded/oracle*.py",)
SCORING_CODE = (*SCORING_ONLY, *WORLD, "score/metrics/predicates.py")
DRAWING_CODE = ("*.py", "models/embedded/*.py", *WORLD, "guide/**/*", "generate/**/*")
"""Globs in the package of the code that scores and that draws."""
RESULTS = "results.jsonl"
FAILED = "failed"
BLOCKED = "blocked"
"""In a row's details: why there is no picture."""


def make_stamp(generator: str, guide: str, metric: str) -> Stamp:
    """Names, and a hash each of what draws and what scores: weights and code (None = no weights there)."""
    return {
        "generator": generator,
        "guide": guide,
        "weights": _hash_of_weights(oracle=False),
        "metric": metric,
        "oracle": _hash_of_weights(oracle=True),
    }


def _hash_of_weights(oracle: bool) -> str | None:
    lines = [
        f"{digest} {path}\n"
        for path, digest in sorted(weights.listed().items())
        if path.startswith("oracle/") == oracle and Path(path).name not in BESIDE
    ]
    return sha256("".join([*lines, *_code(oracle)]).encode()).hexdigest()[:16] if lines else None


@cache
def _code(oracle: bool) -> tuple[str, ...]:
    """A line a file of what decides on a picture, or (``oracle``) on its score, besides weights."""
    patterns, without = (SCORING_CODE, ()) if oracle else (DRAWING_CODE, SCORING_ONLY)
    return code_lines(patterns, without, frozenset({".py", ".toml", ".svg"}))


def write_picture(out: Path, arm: str, name: str, picture: Picture) -> None:
    """Keep the picture that an arm showed for a prompt."""
    path = _picture_path(out, arm, name)
    with writing(out):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.png)


def read_picture(out: Path, row: Row) -> Picture:
    """The kept picture of a row.

    Raises:
        RecordError: It is missing or cannot be read.
    """
    path = _picture_path(out, row["arm"], row["id"])
    try:
        with Image.open(path) as opened:
            size = opened.size
        return Picture(path.read_bytes(), *size)
    except (OSError, UnidentifiedImageError) as problem:
        raise RecordError(f"the picture {path} is missing or damaged: draw into another folder") from problem


def _picture_path(out: Path, arm: str, name: str) -> Path:
    return out / "pictures" / arm / f"{name}.png"


def read_rows(out: Path) -> dict[Key, Row]:
    """The rows of a folder in the order of drawing; none where there is no file yet.

    Raises:
        RecordError: A line is JSON but no result.
    """
    file = out / RESULTS
    rows = read_lines(file)
    needed = {"id", "arm", "seed", "text", "category", "correct", "models"}
    for row in rows:
        lacking = needed - row.keys() if isinstance(row, dict) else needed
        if lacking or not isinstance(row["models"], dict):
            lacks = ", ".join(sorted(lacking)) or "models"
            raise RecordError(
                f"{file} holds a line that is not a result, it lacks {lacks}: name another folder"
            )
    return {(row["id"], row["arm"]): row for row in rows}


def read_rows_of(out: Path, seed: int, stamp: Stamp) -> dict[Key, Row]:
    """The rows of a folder, all of this seed, drawn and scored by what the stamp names.

    Raises:
        RecordError: A line is JSON but no result.
        SettingError: There are rows of another seed or of other models; says whether scoring anew mends it.
    """
    rows = read_rows(out)
    for row in rows.values():
        made = row["models"]
        if row["seed"] != seed:
            raise SettingError(f"{out} holds results of seed {row['seed']}, not {seed}: name another folder")
        if any(made.get(key) != value for key, value in stamp.items() if key not in SCORED_BY):
            raise SettingError(f"{out} holds results of {made}, not of {stamp}: name another folder")
        if any(made.get(key) != stamp[key] for key in SCORED_BY):
            raise SettingError(
                f"{out} holds pictures scored by {_scorer(made)}, not by {_scorer(stamp)}: "
                "score them anew with --rescore, which draws nothing, and then go on"
            )
    return rows


def _scorer(stamp: Stamp) -> str:
    return ", ".join(f"{key} {stamp.get(key)}" for key in SCORED_BY)


def about_the_oracle(file: str) -> dict[str, Any]:
    """What "figures.json" or "agreement.json" says of the oracle; empty where it is not shipped.

    "current" tells whether an agreement is one with the oracle of today.
    """
    try:
        card = weights.folder("oracle") / file
    except WeightsError:  # the metric is another one: the embedded one would have stopped before
        return {}
    figures: dict[str, Any] = json.loads(card.read_text("utf-8")) if card.exists() else {}
    if "scored_by" in figures:
        figures["current"] = figures["scored_by"].get("oracle") == make_stamp("", "", "")["oracle"]
    return figures
