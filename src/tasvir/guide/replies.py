"""From a guide's text to records: reply text is data, read with `json` and checked, never evaluated.

Tolerant of what language models put around JSON (prose, ``` fences), strict about what is inside: a number in
quotes, a NaN or a missing field becomes a problem in words, ready to be sent back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from tasvir.layout import clean_text, parse_layout, repair
from tasvir.records import Layout, Verdict

MAX_REPLY_CHARS = 100_000
MAX_PROBLEMS = 20
"""Problems sent back at once; a reply with more is broken in one way many times."""
MAX_REASON_CHARS = 400
_MAX_STARTS = 500

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Record]):
    """A record read from a reply, or the problems that stood in the way.

    Args:
        record: The record; meaningless where there are problems.
        problems: In words, empty when the reply was good.
        notes: What was put right on the way.
    """

    record: Record | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def value(self) -> Record:
        """The record of a reply without problems."""
        return cast(Record, self.record)


def layout_form(layout: Layout) -> dict[str, Any]:
    """A layout in the form of a reply, to be shown to a guide or to be given by one."""
    data = layout.to_dict()
    return {"objects": data.pop("things"), **data}


def parse_layout_reply(text: str) -> Parsed[Layout]:
    """Read the reply to plan or revise."""
    data, problems = find_object(text, "objects")
    if data is None:
        return Parsed(problems=problems)
    layout, problems = parse_layout(data)
    if layout is None:
        return Parsed(problems=problems[:MAX_PROBLEMS])
    layout, report = repair(layout)
    return Parsed(layout, report.errors[:MAX_PROBLEMS], report.clipped)


def parse_redesign_reply(text: str) -> Parsed[Layout | None]:
    """Read the reply to redesign: None where "objects" is empty, which says that picture and prompt agree."""
    data, _ = find_object(text, "objects")
    if data is not None and data["objects"] == []:
        return Parsed(None)
    parsed = parse_layout_reply(text)
    return Parsed(parsed.record, parsed.problems, parsed.notes)


def parse_verdict_reply(text: str) -> Parsed[Verdict]:
    """Read the reply to judge."""
    data, problems = find_object(text, "score")
    if data is None:
        return Parsed(problems=problems)
    found: list[str] = []
    score = data["score"]
    if isinstance(score, bool) or not isinstance(score, int | float) or score not in (1, 2, 3, 4, 5):
        found.append(f"'score' must be a whole number from 1 to 5, got {_show(score)}")
    reason = data.get("reasoning", "")
    if not isinstance(reason, str):
        found.append(f"'reasoning' must be a text, got {_show(reason)}")
    missing = data.get("missing") or []
    if (
        not isinstance(missing, list)
        or len(missing) > 64
        or not all(isinstance(item, str) for item in missing)
    ):
        found.append("'missing' must be a list of at most 64 short texts")
    if found:
        return Parsed(problems=tuple(found))
    phrases = tuple(clean_text(item)[:MAX_REASON_CHARS] for item in missing)
    return Parsed(Verdict(int(score), clean_text(reason)[:MAX_REASON_CHARS], phrases))


def find_object(text: str, key: str) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Find the JSON object that holds `key`; the last one counts, because models draft before they answer.

    Returns:
        The object and (), or None and the problem.
    """
    if len(text) > MAX_REPLY_CHARS:
        return None, (
            f"the reply has {len(text)} characters, at most {MAX_REPLY_CHARS} are read: answer with JSON",
        )
    found = [data for data in _objects(text) if key in data]
    if not found:
        return None, (
            f"the reply holds no complete JSON object with {key!r}: answer with JSON alone, double quotes",
        )
    return found[-1], ()


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    start = text.find("{")
    for _ in range(_MAX_STARTS):
        if start < 0:
            return
        try:
            data, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield data
        start = text.find("{", end)


def _show(value: object) -> str:
    return clean_text(repr(value)[:40])
