"""Boxes in another format than was asked for, read only where exactly one format gives a sound layout.

Asked for are corners in fractions; models that were trained on detection data answer in percent, thousandths
or pixels, and with width and height. The order of x and y cannot be told from numbers: it is taken as asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar, cast

from tasvir.codecs.codec import XYWH_PX, XYXY_PX, Canvas, Form
from tasvir.guide.replies import Parsed
from tasvir.layout import check, repair
from tasvir.records import Box, Layout

Record = TypeVar("Record")

SCALES: tuple[tuple[str, Canvas], ...] = (
    ("fractions", (1, 1)),
    ("percent", (100, 100)),
    ("thousandths", (1000, 1000)),
    *((f"pixels of {side} x {side}", (side, side)) for side in (512, 768, 1024)),
)
"""What models are known to write. The usual canvases stand here so that thousandths, which fit one of them as
well, are not taken for certain."""


def in_another_format(parsed: Parsed[Record], canvas: Canvas | None = None) -> Parsed[Record]:
    """The layout of a reply whose boxes fit one format and only that, with a note; else the reply as it was.

    Args:
        parsed: A reply with problems; its record is the layout as it was written, if it is one at all.
        canvas: Width and height of the picture that was shown, in pixels.
    """
    if not isinstance(parsed.record, Layout) or not parsed.record.things:
        return parsed
    sound = list(_sound(parsed.record, canvas))
    if len(sound) != 1:
        return parsed
    name, layout = sound[0]
    repaired, report = repair(layout)
    note = f"the boxes were taken as {name}: nothing else gives a sound layout"
    return Parsed(cast(Record, repaired), (), (note, *report.clipped))


def _sound(layout: Layout, canvas: Canvas | None) -> Iterator[tuple[str, Layout]]:
    """For each scale the layout in the first order that is sound.

    Corners are believed wherever they are in order; then corner and size are likelier than swapped corners.
    """
    boxes = [thing.box for thing in layout.things]
    orders = _CORNERS if all(box.x0 < box.x1 and box.y0 < box.y1 for box in boxes) else _DISORDERED
    scales = dict(SCALES)
    if canvas is not None and canvas not in scales.values():
        scales[f"pixels of {canvas[0]} x {canvas[1]}"] = canvas
    for scale, size in scales.items():
        for order, form, arranged in orders:
            read = [form.read(arranged(box).as_tuple(), size) for box in boxes]
            things = tuple(replace(thing, box=box) for thing, box in zip(layout.things, read, strict=True))
            if not check(replace(layout, things=things)).errors:
                yield f"{order} in {scale}", replace(layout, things=things)
                break


def _same(box: Box) -> Box:
    return box


def _ordered(box: Box) -> Box:
    """The same rectangle with its corners in the usual order."""
    return Box(min(box.x0, box.x1), min(box.y0, box.y1), max(box.x0, box.x1), max(box.y0, box.y1))


_CORNERS: tuple[tuple[str, Form, Callable[[Box], Box]], ...] = (("corners", XYXY_PX, _same),)
_DISORDERED = (("corner and size", XYWH_PX, _same), ("swapped corners", XYXY_PX, _ordered))
