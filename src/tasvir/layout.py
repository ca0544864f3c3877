"""The rules of a layout: checked, repaired where that is harmless, read from JSON, compared in words.

A layout keeps the rules of the thesis' prompts (appendix A.1, A.2): boxes inside the picture, at least 0.1 x
0.1, one thing a box, and no box more than half inside another unless a relation asks for it. Nothing is
guessed: an overshoot of at most 0.02 is clipped and noted, everything else is an error in words that can be
sent back to whoever wrote the layout.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from tasvir.errors import LayoutError
from tasvir.records import Box, Layout, Thing

MIN_SIDE = 0.1
"""Least width and height of a box, in fractions of the picture."""
MAX_OVERSHOOT = 0.02
"""How far a coordinate may lie outside [0, 1] and still be clipped."""
MAX_THINGS = 64
"""More things than this are refused unread."""
MAX_TEXT = 200
"""Characters of a phrase or a background."""
MAX_FILE_BYTES = 1_000_000

_TOLERANCE = 1e-6
_PIXEL_LEAST = 8.0
_PIXELS = (
    "the boxes look like pixels (or 0 to 1000): divide x by the picture's width and y by its height, "
    "so that every number lies between 0 and 1"
)
_XYWH = "the boxes look like x, y, w, h: write x0, y0, x1, y1 instead, with x1 = x + w and y1 = y + h"
_SIDES = ("x0", "y0", "x1", "y1")
_MANY = re.compile(
    r"^(?:the |these |those )?(?:"
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|several|many|multiple|various|both"
    r"|dozens of|[2-9]|\d{2,})(?![\w-])"
    r"|an? (?:(?:couple|group|number|bunch|lot|row|crowd|flock|herd) of|few|dozen) "
    r"|a pair of (?!scissors|(?:sun)?glasses|trousers|jeans|pants|shorts|binoculars|headphones|pliers|tongs)"
    r")",
    re.IGNORECASE,
)
_COLORS = "red|yellow|green|blue|purple|pink|brown|black|white|orange|gray|grey|gold|silver|turquoise"
_TWO_COLORS = re.compile(rf"\b(?:{_COLORS}) and (?:{_COLORS})\b", re.IGNORECASE)
_AND = re.compile(r"\band\b|&|\bas well as\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What was found in a layout.

    Args:
        clipped: What was put right, in words.
        errors: What only the writer of the layout can put right, in words.
    """

    clipped: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def check(layout: Layout) -> RepairReport:
    """Say what is wrong with a layout: what `repair` would clip, and every error."""
    return repair(layout)[1]


def repair(layout: Layout) -> tuple[Layout, RepairReport]:
    """Clip overshoots of at most `MAX_OVERSHOOT` and report the rest.

    Returns:
        The layout with clipped boxes (otherwise as it was, also where there are errors) and the report.
    """
    if not layout.things and layout.background is None:
        return layout, RepairReport(errors=("the layout is empty: give at least one thing or a background",))
    if len(layout.things) > MAX_THINGS:
        return layout, RepairReport(errors=(f"{len(layout.things)} things, at most {MAX_THINGS} are read",))
    errors = [error for i, thing in enumerate(layout.things) for error in _phrase_errors(i, thing.phrase)]
    errors += _overlap_index_errors(layout)
    other_format = _other_format([thing.box for thing in layout.things])
    if other_format == _PIXELS:
        return layout, RepairReport(errors=(_PIXELS, *errors))
    errors += [other_format] if other_format else []
    clipped: list[str] = []
    things: list[Thing] = []
    sound: set[int] = set()
    for index, thing in enumerate(layout.things):
        box, notes, problems = _repair_box(_label(index, thing), thing.box)
        clipped += notes
        errors += problems
        things.append(replace(thing, box=box))
        if not problems:
            sound.add(index)
    repaired = replace(layout, things=tuple(things))
    errors += _cover_errors(repaired, sound)
    return repaired, RepairReport(tuple(clipped), tuple(errors))


def checked(layout: Layout, where: str = "layout") -> tuple[Layout, RepairReport]:
    """Like `repair`, but an error is raised.

    Raises:
        LayoutError: The layout has errors; all of them are in ``problems``.
    """
    repaired, report = repair(layout)
    if report.errors:
        raise LayoutError(report.errors, where)
    return repaired, report


def _label(index: int, thing: Thing) -> str:
    return f"thing {index} ({thing.phrase!r})"


def _phrase_errors(index: int, phrase: str) -> Iterator[str]:
    if not phrase.strip():
        yield f"thing {index} has no phrase: name what fills the box, e.g. 'a red car'"
    elif len(phrase) > MAX_TEXT:
        yield f"thing {index}: the phrase has {len(phrase)} characters, at most {MAX_TEXT} are read"
    elif _MANY.search(phrase.strip()) or _AND.search(_TWO_COLORS.sub("", phrase)):
        yield f"thing {index} ({phrase!r}) names more than one thing: give each thing its own box"


def _overlap_index_errors(layout: Layout) -> list[str]:
    last = len(layout.things) - 1
    return [
        f"overlaps: [{a}, {b}] must name two different things between 0 and {last}"
        for a, b in layout.overlaps
        if a == b or not (0 <= a <= last and 0 <= b <= last)
    ]


def _other_format(boxes: list[Box]) -> str | None:
    """Say which other box format this can only be, or None where x0, y0, x1, y1 in fractions is possible."""
    finite = [box for box in boxes if box.is_finite()]
    if any(max(box.as_tuple()) >= _PIXEL_LEAST for box in finite):
        return _PIXELS
    disordered = any(box.x1 <= box.x0 or box.y1 <= box.y0 for box in finite)
    if disordered and all(_fits_as_xywh(box) for box in finite):
        return _XYWH
    return None


def _fits_as_xywh(box: Box) -> bool:
    x, y, w, h = box.as_tuple()
    limit = 1 + MAX_OVERSHOOT
    return (
        min(x, y) >= -MAX_OVERSHOOT
        and min(w, h) >= MIN_SIDE - _TOLERANCE
        and x + w <= limit
        and y + h <= limit
    )


def _repair_box(label: str, box: Box) -> tuple[Box, list[str], list[str]]:
    """Clip one box; returns the box, the notes and the errors."""
    if not box.is_finite():
        return box, [], [f"{label}: box {_show(box)} holds a number that is not finite"]
    notes, errors, values = [], [], []
    for side, value in zip(_SIDES, box.as_tuple(), strict=True):
        inside = min(max(value, 0.0), 1.0)
        if abs(value - inside) > MAX_OVERSHOOT + _TOLERANCE:
            errors.append(f"{label}: {side} = {value:g} lies outside 0 to 1")
        elif value != inside:
            notes.append(f"{label}: {side} = {value:g} was clipped to {inside:g}")
        values.append(inside)
    if errors:
        return box, [], errors
    clipped = Box(*values)
    for low, high, size in (("x0", "x1", clipped.width), ("y0", "y1", clipped.height)):
        if size <= 0:
            errors.append(f"{label}: {low} must be smaller than {high} in box {_show(clipped)}")
        elif size < MIN_SIDE - _TOLERANCE:
            errors.append(f"{label}: {high} - {low} = {size:.3g}, at least {MIN_SIDE:g} is needed")
    return (box, [], errors) if errors else (clipped, notes, [])


def _show(box: Box) -> str:
    return "[" + ", ".join(f"{value:g}" for value in box.as_tuple()) + "]"


def _cover_errors(layout: Layout, sound: set[int]) -> list[str]:
    """Boxes more than half inside another that `layout.overlaps` does not excuse."""
    excused = {frozenset(pair) for pair in layout.overlaps}
    errors = []
    for i, j in combinations(sorted(sound), 2):
        if frozenset((i, j)) in excused:
            continue
        a, b = layout.things[i], layout.things[j]
        inner, outer = ((i, a), (j, b)) if a.box.area <= b.box.area else ((j, b), (i, a))
        share = a.box.intersection(b.box) / inner[1].box.area
        if share > 0.5 + _TOLERANCE:
            errors.append(
                f"{_label(*inner)} lies {share:.0%} inside {_label(*outer)}, at most half is allowed: "
                f"move them apart, or name the pair [{i}, {j}] in overlaps where a relation asks for it"
            )
    return errors


def clean_text(text: str) -> str:
    """One line of printable characters with single spaces."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def parse_layout(data: object) -> tuple[Layout | None, tuple[str, ...]]:
    """Read JSON data ("objects" or "things", "background", "overlaps") without judging the boxes.

    Returns:
        The layout and (), or None and every problem found: wrong types, numbers in quotes, missing fields.
    """
    if not isinstance(data, Mapping):
        return None, (f"expected an object with 'objects', got {_kind(data)}",)
    key = "objects" if "objects" in data else "things"
    rows = data.get(key)
    if not isinstance(rows, list):
        return None, (
            f"'objects' must be a list of {{'phrase': ..., 'box': [x0, y0, x1, y1]}}, got {_kind(rows)}",
        )
    if len(rows) > MAX_THINGS:
        return None, (f"'{key}' has {len(rows)} entries, at most {MAX_THINGS} are read",)
    problems: list[str] = []
    things = [thing for i, row in enumerate(rows) if (thing := _parse_thing(f"{key}[{i}]", row, problems))]
    background = data.get("background")
    if background is not None and (not isinstance(background, str) or len(background) > MAX_TEXT):
        problems.append(
            f"'background' must be a text of at most {MAX_TEXT} characters or null, got {_kind(background)}"
        )
    overlaps = _parse_overlaps(data.get("overlaps"), problems)
    if problems:
        return None, tuple(problems)
    return Layout(tuple(things), clean_text(background) or None if background else None, overlaps), ()


def _parse_thing(where: str, row: object, problems: list[str]) -> Thing | None:
    if not isinstance(row, Mapping):
        problems.append(f"{where} must be {{'phrase': ..., 'box': [x0, y0, x1, y1]}}, got {_kind(row)}")
        return None
    phrase, sides = row.get("phrase"), row.get("box")
    if not isinstance(phrase, str):
        problems.append(f"{where}.phrase must be a text, got {_kind(phrase)}")
        phrase = None
    if not isinstance(sides, list) or len(sides) != 4:
        size = f" of {len(sides)}" if isinstance(sides, list) else ""
        problems.append(f"{where}.box must be a list of four numbers, got {_kind(sides)}{size}")
        return None
    numbers = [_number(f"{where}.box[{i}]", value, problems) for i, value in enumerate(sides)]
    if phrase is None or None in numbers:
        return None
    return Thing(clean_text(phrase), Box(*(value for value in numbers if value is not None)))


def _number(where: str, value: object, problems: list[str]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems.append(f"{where} must be a number, got {_kind(value)}")
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        problems.append(f"{where} must be a finite number, got {number}")
        return None
    return number


def _parse_overlaps(value: object, problems: list[str]) -> tuple[tuple[int, int], ...]:
    pairs = [] if value is None else value
    if not isinstance(pairs, list) or len(pairs) > MAX_THINGS**2 // 2:
        problems.append(f"'overlaps' must be a list of pairs [i, j], got {_kind(value)}")
        return ()
    found = []
    for i, pair in enumerate(pairs):
        if isinstance(pair, list) and len(pair) == 2 and all(type(index) is int for index in pair):
            found.append((pair[0], pair[1]))
        else:
            problems.append(f"overlaps[{i}] must be a pair of whole numbers [i, j]")
    return tuple(found)


def _kind(value: object) -> str:
    """Name a JSON value's type, with a short look at it where that helps."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {clean_text(value[:40])!r}"
    if isinstance(value, bool):
        return str(value).lower()
    names = {dict: "an object", list: "a list", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def read_layout(path: Path) -> tuple[Layout, RepairReport]:
    """Read and repair a layout file, as ``--layout FILE`` does.

    The file is JSON: {"objects": [{"phrase": "a red car", "box": [x0, y0, x1, y1]}, ...], "background":
    "park", "overlaps": [[0, 1]]}; "things" may stand for "objects".

    Raises:
        LayoutError: The file cannot be read or breaks the rules; every problem is listed.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise LayoutError([f"the file is larger than {MAX_FILE_BYTES} bytes: is it a layout?"], str(path))
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise LayoutError([f"cannot be read: {problem.strerror or problem}"], str(path)) from problem
    except (ValueError, RecursionError) as problem:
        raise LayoutError([f"is not JSON: {problem}"], str(path)) from problem
    layout, problems = parse_layout(data)
    if layout is None:
        raise LayoutError(problems, str(path))
    return checked(layout, str(path))


def differences(old: Layout | None, new: Layout) -> tuple[str, ...]:
    """Say in words what changed: added, removed, renamed, moved, nearer, background.

    Things are matched by phrase, among equal phrases by IoU; what is left is matched by IoU > 0.5 as renamed
    (after the list comparison of SLD, Wu et al. 2024, which asks for 0.9).
    """
    before = old or Layout()
    pairs = _match(before, new)
    lines = [f"removed {t.phrase}" for i, t in enumerate(before.things) if i not in pairs]
    lines += [f"added {t.phrase}" for j, t in enumerate(new.things) if j not in pairs.values()]
    for i, j in pairs.items():
        was, now = before.things[i], new.things[j]
        if was.phrase != now.phrase:
            lines.append(f"renamed {was.phrase} to {now.phrase}")
        lines += _movement(was, now)
    for (_, j), (_, m) in combinations(sorted(pairs.items()), 2):
        if m < j and new.things[j].box.intersection(new.things[m].box) > 0:
            lines.append(f"brought {new.things[j].phrase} in front of {new.things[m].phrase}")
    if before.background != new.background:
        lines.append(f"background: {before.background or 'none'} to {new.background or 'none'}")
    return tuple(lines)


def _match(old: Layout, new: Layout) -> dict[int, int]:
    """Indices old to new: equal phrases by IoU and nearness, then others by IoU > 0.5."""
    candidates = []
    for i, was in enumerate(old.things):
        for j, now in enumerate(new.things):
            same, iou = was.phrase.casefold() == now.phrase.casefold(), was.box.iou(now.box)
            if same or iou > 0.5:
                candidates.append((not same, -iou, math.dist(was.box.center, now.box.center), i, j))
    pairs: dict[int, int] = {}
    for *_, i, j in sorted(candidates):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _movement(was: Thing, now: Thing) -> Iterator[str]:
    if was.box == now.box:
        return
    dx, dy = (b - a for a, b in zip(was.box.center, now.box.center, strict=True))
    ways = [("right" if dx > 0 else "left", dx), ("down" if dy > 0 else "up", dy)]
    words = [f"{way} by {abs(step):.2f}" for way, step in ways if abs(step) >= 0.01]
    if words:
        yield f"moved {now.phrase} " + " and ".join(words)
    grown = now.box.area / was.box.area if was.box.area > 0 else 1.0
    if abs(grown - 1) >= 0.05:
        yield f"made {now.phrase} {'larger' if grown > 1 else 'smaller'} ({grown:.2g} x the area)"
    elif not words:
        yield f"nudged {now.phrase}"
