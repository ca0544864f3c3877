"""Figures and the tables that hold them: every number of a study stands in one of these, once.

A figure has an id, so that a sentence can point at it instead of repeating it: what is written is looked up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Part = Literal["value", "low", "high", "n"]
Kind = Literal["score", "difference", "count", "p", "share", "seconds", "bytes"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its interval and what it comes from.

    Args:
        id: Unique in a study, "means/clip-score/a".
        value: In native units; None where it is missing.
        kind: How it is written.
        digits: Behind the decimal sign, for scores and differences.
        low: Lower end of the 95 % interval, or the first quartile of a time; None where there is none.
        high: Upper end, or the third quartile.
        n: How many prompts (or pictures, where the column says so) it comes from.
        reason: Why it is missing.
    """

    id: str
    value: float | None
    kind: Kind = "score"
    digits: int = 3
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A text of the catalogue with what is put into it: names, figures by id, other messages.

    Args:
        key: "section.key".
        slots: Values by the name of their place.
    """

    key: str
    slots: dict[str, Slot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Name:
    """A word of the run's own, never translated: a model, metric, prompt, category, reason."""

    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A number that is written by looking it up.

    Args:
        figure: Id of a `Figure`.
        part: Which of its numbers.
        absolute: Without its sign, "by 0.1".
    """

    figure: str
    part: Part = "value"
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """Several names or messages, joined as the language joins them."""

    items: tuple[Name | Message, ...]


Slot = Name | Ref | Message | Listed
Entry = Name | Message | Figure


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of entries under heads.

    Args:
        id: Unique in a study; its figures' ids begin with it.
        caption: What it shows.
        head: One entry a column.
        rows: Each as long as the head; the first entry names the row.
        notes: What to know before reading it.
    """

    id: str
    caption: Message
    head: tuple[Name | Message, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[Message, ...] = ()

    def figures(self) -> Iterator[Figure]:
        return (entry for row in self.rows for entry in row if isinstance(entry, Figure))


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the study and what backs it.

    Args:
        message: The sentence.
        evidence: Ids of every figure that it is read from: those it names, and those it chose among.
    """

    message: Message
    evidence: tuple[str, ...] = ()


def digits_for(widths: Sequence[float]) -> int:
    """Digits behind the decimal sign that show two significant ones of the median half width, 0 to 5."""
    found = sorted(width for width in widths if width > 0 and math.isfinite(width))
    if not found:
        return 3
    middle = found[len(found) // 2]
    return min(max(1 - math.floor(math.log10(middle)), 0), 5)


def to_json(figure: Figure) -> dict[str, Any]:
    """A figure ready for JSON, without what is empty."""
    data = {name: getattr(figure, name) for name in ("id", "value", "kind", "low", "high", "n", "reason")}
    return {name: value for name, value in data.items() if value not in (None, "") or name == "value"}
