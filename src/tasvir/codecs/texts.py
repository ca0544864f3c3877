"""Formats that are text which a language model writes: read with regular expressions as data, never
evaluated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tasvir.codecs.codec import (
    XYWH_3,
    XYWH_PX,
    BrokenEntryError,
    Canvas,
    Codec,
    Form,
    Numbers,
    numbers,
    read_all,
)
from tasvir.errors import LayoutError
from tasvir.records import Layout, Thing

_ENTRY = re.compile(r"""\(\s*(['"])((?:\\.|(?!\1)[^\\])*)\1\s*,\s*[\[(]([^\])]*)[\])]\s*\)""", re.DOTALL)
_BACKGROUND = re.compile(r"^Background prompt:[ \t]*(.*)$", re.MULTILINE)
_OBJECTS = re.compile(r"^[ \t]*(?:[\w ]*Objects:)?[ \t]*(\[.*\])[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CSS_LINE = re.compile(r"^(.*\S)\s*\{([^{}]*)\}$")
_CSS_PAIR = re.compile(r"^(left|top|width|height)\s*:\s*(-?\d+(?:\.\d+)?)px$")
_SUFFIX = re.compile(r" #\d+$")


def _line(text: str) -> str:
    return " ".join(text.split())


def _write_entries(things: list[tuple[str, Numbers]]) -> str:
    quoted = [(phrase.replace("\\", "\\\\").replace("'", "\\'"), box) for phrase, box in things]
    return "[" + ", ".join(f"('{phrase}', [{_join(box)}])" for phrase, box in quoted) + "]"


def _join(values: Numbers) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _read_entries(name: str, text: Any, form: Form, canvas: Canvas) -> tuple[Thing, ...]:
    body = _OBJECTS.search(text) if isinstance(text, str) else None
    if body is None:
        raise LayoutError(["expected one line with a list [('a red car', [x, y, w, h]), ...]"], name)
    rest = _ENTRY.sub("", body[1]).strip(" ,[]\t")
    if rest:
        raise LayoutError([f"cannot read {rest[:80]!r}: expected ('a red car', [x, y, w, h])"], name)

    def read_entry(index: int, match: re.Match[str]) -> Thing:
        phrase = re.sub(r"\\(.)", r"\1", match[2])
        values = _four(match[3].split(","), f"thing {index} ({phrase!r})")
        return Thing(phrase, form.read(values, canvas))

    return read_all(name, _ENTRY.finditer(body[1]), read_entry)


def _four(words: list[str], where: str) -> Numbers:
    try:
        return numbers([float(word) for word in words], where)
    except BrokenEntryError:
        raise
    except ValueError:
        raise BrokenEntryError(f"{where} must hold four numbers, got {','.join(words)[:60]!r}") from None


def _write_lmd(layout: Layout, canvas: Canvas) -> str:
    entries = _write_entries([(_line(t.phrase), XYWH_PX.write(t.box, canvas)) for t in layout.things])
    return f"Objects: {entries}\nBackground prompt: {_line(layout.background or '')}\nNegative prompt: "


def _read_lmd(text: Any, canvas: Canvas) -> Layout:
    things = _read_entries("lmd", text, XYWH_PX, canvas)
    background = _BACKGROUND.search(text)
    return Layout(things, background[1].strip() or None if background else None)


def _write_sld(layout: Layout, canvas: Canvas) -> str:
    seen: Counter[str] = Counter()
    entries = []
    for thing in layout.things:
        phrase = _line(thing.phrase)
        seen[phrase] += 1
        entries.append((f"{phrase} #{seen[phrase]}", XYWH_3.write(thing.box, canvas)))
    return _write_entries(entries)


def _read_sld(text: Any, canvas: Canvas) -> Layout:
    things = _read_entries("sld", text, XYWH_3, canvas)
    return Layout(tuple(Thing(_SUFFIX.sub("", thing.phrase), thing.box) for thing in things))


def _write_layoutgpt(layout: Layout, canvas: Canvas) -> str:
    return "\n".join(_css_lines(layout, canvas))


def _css_lines(layout: Layout, canvas: Canvas) -> Iterator[str]:
    for thing in layout.things:
        x, y, w, h = XYWH_PX.write(thing.box, canvas)
        yield f"{_line(thing.phrase)} {{height: {h:g}px; width: {w:g}px; top: {y:g}px; left: {x:g}px; }}"


def _read_layoutgpt(text: Any, canvas: Canvas) -> Layout:
    if not isinstance(text, str):
        raise LayoutError([f"expected a text, got {type(text).__name__}"], "layoutgpt")

    def read_line(index: int, line: str) -> Thing:
        rule = _CSS_LINE.match(line.strip())
        if rule is None:
            form = "a red car {height: 10px; width: 20px; top: 0px; left: 5px; }"
            raise BrokenEntryError(f"line {index + 1}: expected {form!r}, got {line[:60]!r}")
        pairs = [_CSS_PAIR.match(part.strip()) for part in rule[2].split(";") if part.strip()]
        sides = {pair[1]: float(pair[2]) for pair in pairs if pair}
        if len(sides) != 4 or len(pairs) != 4:
            raise BrokenEntryError(f"line {index + 1}: give left, top, width and height once each, in px")
        values = (sides["left"], sides["top"], sides["width"], sides["height"])
        return Thing(rule[1], XYWH_PX.read(values, canvas))

    return Layout(read_all("layoutgpt", [line for line in text.splitlines() if line.strip()], read_line))


CODECS = (
    Codec(
        "lmd", "LMD and LMD+", "x, y, w, h in pixels of 512 x 512",
        (512, 512), 0.5, "px", _write_lmd, _read_lmd, ("background",),
    ),
    Codec(
        "sld", "SLD", "x, y, w, h in 0 to 1, names numbered ' #1', ' #2'",
        (512, 512), 0.0005 + 1e-12, "fraction", _write_sld, _read_sld,
    ),
    Codec(
        "layoutgpt", "LayoutGPT", "CSS left, top, width, height in px of 256 (or 64) x the same",
        (256, 256), 0.5, "px", _write_layoutgpt, _read_layoutgpt,
    ),
)  # fmt: skip
