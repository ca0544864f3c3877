"""Values and the sheets that hold them: every number of a study stands in one of these, once.

A value has an id, so that a sentence can point at it instead of repeating it: what is written is looked up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

Part = Literal["value", "low", "high", "n"]
Kind = Literal["score", "plain", "difference", "count", "p", "share", "seconds", "bytes"]


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its interval and what it comes from.

    Args:
        id: Unique in a study; see `value_id`.
        value: In native units; None where it is missing.
        kind: How it is written; a "plain" number has neither interval nor sign of its own.
        digits: Behind the decimal sign, for scores and differences.
        low: Lower end of the 95 % interval, or the first quartile of a time; None where there is none.
        high: Upper end, or the third quartile.
        n: How many prompts (pictures, where the sheet says so) it comes from.
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

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, without what is empty."""
        data = {name: getattr(self, name) for name in ("id", "value", "kind", "low", "high", "n", "reason")}
        return {name: value for name, value in data.items() if value not in (None, "") or name == "value"}


@dataclass(frozen=True, slots=True)
class Message:
    """A text of the catalogue with what is put into its places.

    Args:
        key: "section.key".
        slots: By the name of the place.
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
        id: Of a `Value`.
        part: Which of its numbers.
        absolute: Without its sign, "by 0.1".
    """

    id: str
    part: Part = "value"
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """Several names or messages, joined as the language joins them."""

    items: tuple[Name | Message, ...]


Slot = Name | Ref | Message | Listed
Entry = Name | Message | Value


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: rows of entries under heads.

    Args:
        id: Unique in a study.
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

    def values(self) -> Iterator[Value]:
        return (entry for row in self.rows for entry in row if isinstance(entry, Value))


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the study and what backs it.

    Args:
        message: The sentence.
        evidence: Ids of every value that it is read from: those it names, and those it chose among.
    """

    message: Message
    evidence: tuple[str, ...]


def value_id(*parts: str) -> str:
    """An id of a sheet's name, a row's, a column's, ...; a slash in a name is written as %2F."""
    return "/".join(quote(part, safe=" :+,=.-_") for part in parts)


def index_of(sheets: Iterable[Sheet]) -> dict[str, Value]:
    """Every value by its id.

    Raises:
        ValueError: Two have the same id: a mistake of ours.
    """
    found: dict[str, Value] = {}
    for sheet in sheets:
        for value in sheet.values():
            if value.id in found:
                raise ValueError(f"two values have the id {value.id!r}")
            found[value.id] = value
    return found


def digits_for(widths: Iterable[float | None]) -> int:
    """Digits behind the decimal sign that show two significant ones of the median width, 0 to 5."""
    found = sorted(width for width in widths if width is not None and width > 0 and math.isfinite(width))
    if not found:
        return 3
    return min(max(1 - math.floor(math.log10(found[len(found) // 2])), 0), 5)
