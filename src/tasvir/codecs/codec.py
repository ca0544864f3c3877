"""What a codec is, and how numbers from other systems are read: strictly, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tasvir.errors import LayoutError
from tasvir.records import Box, Layout, Thing

Canvas = tuple[int, int]
"""Width and height in pixels."""
Numbers = tuple[float, float, float, float]
_HUGE = 1e300
"""Whole numbers from here on do not fit a float."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of one or more systems.

    Args:
        name: Key in `CODECS`.
        systems: Who reads and writes it.
        form: How a box is written.
        canvas: The system's usual canvas.
        rounding: Most that writing moves a coordinate, in ``unit``.
        unit: "px" of the canvas or "fraction" of its side.
        write: Layout and canvas to data.
        read: Data and canvas to layout.
        keeps: Fields of a layout that survive besides phrases and boxes.
    """

    name: str
    systems: str
    form: str
    canvas: Canvas
    rounding: float
    unit: Literal["px", "fraction"]
    write: Callable[[Layout, Canvas], Any]
    read: Callable[[Any, Canvas], Layout]
    keeps: tuple[str, ...] = ()

    def error(self, canvas: Canvas | None = None) -> tuple[float, float]:
        """Most that a round trip moves an x and a y coordinate, in fractions of the picture's sides."""
        width, height = self.canvas if canvas is None else canvas
        return (self.rounding / width, self.rounding / height) if self.unit == "px" else (self.rounding,) * 2


@dataclass(frozen=True, slots=True)
class Form:
    """How one box is written as four numbers: two small functions that undo each other up to rounding."""

    write: Callable[[Box, Canvas], Numbers]
    read: Callable[[Numbers, Canvas], Box]


class BrokenEntryError(ValueError):
    """One entry cannot be read; caught by `read_all`."""


def numbers(value: object, where: str) -> Numbers:
    """Four finite numbers from a list.

    Raises:
        BrokenEntryError: It is something else.
    """
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise BrokenEntryError(f"{where} must be a list of four numbers, got {value!r:.60}")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < _HUGE:
            raise BrokenEntryError(f"{where} must hold finite numbers, got {number!r:.60}")
    return float(value[0]), float(value[1]), float(value[2]), float(value[3])


def read_all(name: str, entries: Iterable[Any], read: Callable[[int, Any], Thing]) -> tuple[Thing, ...]:
    """Read every entry.

    Raises:
        LayoutError: Some are broken; all of those are listed.
    """
    things, problems = [], []
    for index, entry in enumerate(entries):
        try:
            things.append(read(index, entry))
        except BrokenEntryError as problem:
            problems.append(str(problem))
    if problems:
        raise LayoutError(problems, name)
    return tuple(things)


def _corners_px(box: Box, canvas: Canvas) -> Numbers:
    width, height = canvas
    return round(box.x0 * width), round(box.y0 * height), round(box.x1 * width), round(box.y1 * height)


def _from_corners_px(values: Numbers, canvas: Canvas) -> Box:
    width, height = canvas
    return Box(values[0] / width, values[1] / height, values[2] / width, values[3] / height)


def _sized(corners: Numbers) -> Numbers:
    x0, y0, x1, y1 = corners
    return x0, y0, x1 - x0, y1 - y0


def _unsized(values: Numbers) -> Numbers:
    x, y, w, h = values
    return x, y, x + w, y + h


def _thousandths(box: Box) -> Numbers:
    x, y, w, h = _sized(_corners_px(box, (1000, 1000)))
    return x / 1000, y / 1000, w / 1000, h / 1000


def _centered_px(box: Box, canvas: Canvas) -> Numbers:
    width, height = canvas
    return (
        round((box.y0 - 0.5) * height),
        round((box.x0 - 0.5) * width),
        round((box.y1 - 0.5) * height),
        round((box.x1 - 0.5) * width),
    )


def _from_centered_px(values: Numbers, canvas: Canvas) -> Box:
    y0, x0, y1, x1 = values
    width, height = canvas
    return Box(x0 / width + 0.5, y0 / height + 0.5, x1 / width + 0.5, y1 / height + 0.5)


def _swapped(values: Numbers) -> Numbers:
    a, b, c, d = values
    return b, a, d, c


# Sizes are differences of rounded corners, so that the far corner is off by one rounding and not by two.
XYXY = Form(lambda box, _: box.as_tuple(), lambda values, _: Box(*values))
XYWH = Form(lambda box, _: _sized(box.as_tuple()), lambda values, _: Box(*_unsized(values)))
XYWH_3 = Form(lambda box, _: _thousandths(box), lambda values, _: Box(*_unsized(values)))
XYXY_PX = Form(_corners_px, _from_corners_px)
XYWH_PX = Form(
    lambda box, canvas: _sized(_corners_px(box, canvas)),
    lambda values, canvas: _from_corners_px(_unsized(values), canvas),
)
YXYX_1000 = Form(
    lambda box, _: _swapped(_corners_px(box, (1000, 1000))),
    lambda values, _: _from_corners_px(_swapped(values), (1000, 1000)),
)
YXYX_CENTERED_PX = Form(_centered_px, _from_centered_px)
