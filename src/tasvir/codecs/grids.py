"""RPG's split ratios: rows with ";" between them, in each its height and then its columns' widths, with ","
between.

A grid fills the picture without gaps or overlaps, so most layouts cannot be said in it: writing those is an
error. One row alone is written as its widths only. Depth order is lost, which nobody sees where nothing
overlaps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tasvir.codecs.codec import Canvas, Codec
from tasvir.errors import LayoutError
from tasvir.records import Box, Layout, Thing

_BREAK = " BREAK "
_TOLERANCE = 0.005
_DIGITS = 4

Row = list[Thing]


def _write_rpg(layout: Layout, _: Canvas) -> dict[str, Any]:
    problems = [f"{t.phrase!r} holds the separator 'BREAK'" for t in layout.things if "BREAK" in t.phrase]
    rows = _grid(layout.things)
    if rows is None:
        problems.append("the boxes are no grid: for RPG they must tile the picture in rows of columns")
    if rows is None or problems:
        raise LayoutError(problems, "rpg")
    heights = _ratios([row[0].box.y0 for row in rows])
    widths = [_ratios([thing.box.x0 for thing in row]) for row in rows]
    if len(rows) == 1:
        ratio = ",".join(widths[0])
    else:
        ratio = ";".join(",".join([h, *w]) for h, w in zip(heights, widths, strict=True))
    return {
        "base_prompt": layout.background,
        "regional_prompt": _BREAK.join(thing.phrase for row in rows for thing in row),
        "split_ratio": ratio,
    }


def _grid(things: tuple[Thing, ...]) -> list[Row] | None:
    """The things in rows of columns, or None where they are no grid."""
    rows: list[Row] = []
    for thing in sorted(things, key=lambda t: t.box.y0):
        if rows and abs(rows[-1][0].box.y0 - thing.box.y0) <= _TOLERANCE:
            rows[-1].append(thing)
        else:
            rows.append([thing])
    rows = [sorted(row, key=lambda t: t.box.x0) for row in rows]
    columns_fit = all(_fills([(t.box.x0, t.box.x1) for t in row]) for row in rows)
    bands = [[(t.box.y0, t.box.y1) for t in row] for row in rows]
    rows_fit = all(abs(y1 - band[0][1]) <= _TOLERANCE for band in bands for _, y1 in band)
    return rows if rows and columns_fit and rows_fit and _fills([band[0] for band in bands]) else None


def _fills(spans: list[tuple[float, float]]) -> bool:
    """Whether spans in order cover 0 to 1 end to end."""
    edges = [(0.0, spans[0][0]), *((a[1], b[0]) for a, b in pairwise(spans)), (spans[-1][1], 1.0)]
    return all(abs(end - start) <= _TOLERANCE for end, start in edges)


def _ratios(starts: list[float]) -> list[str]:
    """Sizes between starts, from rounded edges so that errors do not add up."""
    edges = [0.0, *(round(start, _DIGITS) for start in starts[1:]), 1.0]
    return [f"{round(b - a, _DIGITS):g}" for a, b in pairwise(edges)]


def _read_rpg(data: Any, _: Canvas) -> Layout:
    fields = data if isinstance(data, Mapping) else {}
    ratio, prompts, base = (fields.get(key) for key in ("split_ratio", "regional_prompt", "base_prompt"))
    if not isinstance(ratio, str) or not isinstance(prompts, str):
        raise LayoutError(["expected texts 'split_ratio' and 'regional_prompt'"], "rpg")
    phrases = [phrase.strip() for phrase in prompts.split("BREAK")]
    boxes = _boxes(ratio)
    if len(phrases) != len(boxes):
        raise LayoutError([f"{len(boxes)} regions, but {len(phrases)} prompts between 'BREAK'"], "rpg")
    things = tuple(Thing(phrase, box) for phrase, box in zip(phrases, boxes, strict=True))
    return Layout(things, base if isinstance(base, str) and base else None)


def _boxes(ratio: str) -> list[Box]:
    try:
        rows = [[float(word) for word in row.split(",")] for row in ratio.split(";")]
    except ValueError:
        rows = []
    if len(rows) == 1:
        rows = [[1.0, *rows[0]]]
    rows = [row if len(row) > 1 else [*row, 1.0] for row in rows]
    if not rows or not all(math.isfinite(value) and value > 0 for row in rows for value in row):
        raise LayoutError([f"split_ratio {ratio[:60]!r} must be positive numbers like '1,1,1;2,1'"], "rpg")
    bands = _spans([row[0] for row in rows])
    placed = zip(rows, bands, strict=True)
    return [Box(x0, y0, x1, y1) for row, (y0, y1) in placed for x0, x1 in _spans(row[1:])]


def _spans(sizes: list[float]) -> list[tuple[float, float]]:
    edges = [sum(sizes[:count]) / sum(sizes) for count in range(len(sizes) + 1)]
    return list(pairwise(edges))


CODECS = (
    Codec(
        "rpg", "RPG", "heights and widths as ratios, '1,1,1;2,1'",
        (1024, 1024), _TOLERANCE + 1e-4, "fraction", _write_rpg, _read_rpg, ("background",),
    ),
)  # fmt: skip
