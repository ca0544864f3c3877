"""What is told to a run's store and what it tells, row by row, and the keys that rows are found under.

A key is a hash of all that a row hangs on. So a row is never out of date: what changes has another key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tasvir.records import Score, SuitePrompt

DRAW = "draw"
"""`FailureRow.what` of a picture that could not be drawn; that of a score is the metric's name."""


@dataclass(frozen=True, slots=True)
class CellRow:
    """One picture that is asked for, and the key that it is kept under."""

    suite: str
    prompt: str
    model: str
    seed: int
    settings: dict[str, Any]
    key: str


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A picture that was drawn.

    Args:
        key: Picture key.
        png: The file.
        seconds: See `tasvir.results.Cell`.
        story: See `tasvir.results.Cell`.
    """

    key: str
    png: bytes = field(repr=False)
    seconds: float | None = None
    story: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """What the store tells of a picture; its file is read with `RunStore.read_png`."""

    sha256: str
    seconds: float | None
    story: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """What a metric said of a picture.

    Args:
        picture: SHA-256 of the PNG.
        prompt: What it was scored against.
        recipe: The hash of the metric's recipe.
        score: The score; a value that is no finite number is kept as missing.
    """

    picture: str
    prompt: SuitePrompt
    recipe: str
    score: Score

    @property
    def key(self) -> str:
        return score_key(self.picture, self.prompt, self.recipe)


@dataclass(frozen=True, slots=True)
class FailureRow:
    """What could not be done, may pass, and is tried again when the run goes on.

    Args:
        key: Of the picture or the score that is not there.
        what: `DRAW`, or the metric's name.
        reason: Why, in words.
    """

    key: str
    what: str
    reason: str


def dumps(value: Any) -> str:
    """JSON as the store keeps it: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def prompt_hash(prompt: SuitePrompt) -> str:
    """Hash of all that a metric may read of a prompt: its text, its category and its facts."""
    return digest(prompt.text, prompt.category, prompt.facts)


def score_key(picture: str, prompt: SuitePrompt, recipe: str) -> str:
    """Key of a score: picture (SHA-256 of the PNG), prompt and hash of the metric's recipe."""
    return digest(picture, prompt_hash(prompt), recipe)


def set_key(pictures: Iterable[str], recipe: str) -> str:
    """Key of a set's score: its pictures' SHA-256 (order is nothing, repeats count) and the recipe's hash."""
    return digest(sorted(pictures), recipe)


def digest(*parts: Any) -> str:
    """SHA-256 of values that are ready for JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(dumps(parts).encode()).hexdigest()
