"""Charts as marks for an SVG: axes with round numbers, bars, points with intervals, lines.

Colours stand twice: as attributes, for readers of the SVG alone and for paper, and as classes, so that the
page can give other ones in the dark.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tasvir.report.box_drawing import COLORS

INK, SOFT, LINE = "#201e1a", "#6d675d", "#d8d1c2"
LETTER = 7.2
"""Width of a letter in a chart, in units of the view."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One element of an SVG.

    Args:
        tag: "rect", "line", "circle", "path" or "text".
        attributes: As they are written; all values are escaped by the template.
        text: What a text says.
        tip: Shown when one points at it.
    """

    tag: str
    attributes: dict[str, str]
    text: str = ""
    tip: str = ""


@dataclass(slots=True)
class Chart:
    """A drawing that is being made.

    Args:
        id: Unique in a study.
        title: What it shows, in the page's language.
        width: Of the view.
        height: Of the view.
        marks: In the order they are drawn.
        legend: Class and name of each colour; empty where the marks are labelled themselves.
        note: What to know to read it.
    """

    id: str
    title: str
    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""

    def rect(self, x: float, y: float, width: float, height: float, color: int, tip: str = "") -> None:
        sizes = {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height), "rx": "2"}
        self.marks.append(Mark("rect", {**sizes, **paint(color)}, tip=tip))

    def line(
        self, x0: float, y0: float, x1: float, y1: float, color: int | None = None, width: float = 1
    ) -> None:
        """A line; without a colour it is the axis' own."""
        ends = {"x1": _n(x0), "y1": _n(y0), "x2": _n(x1), "y2": _n(y1), "stroke-width": _n(width)}
        look = {"stroke": LINE, "class": "axis"} if color is None else stroke(color)
        self.marks.append(Mark("line", {**ends, **look}))

    def dot(self, x: float, y: float, radius: float, color: int, tip: str = "", opacity: float = 1) -> None:
        sizes = {"cx": _n(x), "cy": _n(y), "r": _n(radius), "fill-opacity": _n(opacity)}
        self.marks.append(Mark("circle", {**sizes, **paint(color)}, tip=tip))

    def ring(self, x: float, y: float, radius: float, color: int, tip: str = "") -> None:
        sizes = {"cx": _n(x), "cy": _n(y), "r": _n(radius), "fill": "none", "stroke-width": "2"}
        self.marks.append(Mark("circle", {**sizes, **stroke(color)}, tip=tip))

    def path(self, points: Iterable[tuple[float, float]], color: int) -> None:
        steps = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        look = {"d": f"M{steps}", "fill": "none", "stroke-width": "2", **stroke(color)}
        self.marks.append(Mark("path", look))

    def text(
        self, x: float, y: float, words: str, anchor: str = "start", strong: bool = False, tip: str = ""
    ) -> None:
        look = {"fill": INK, "class": "ink"} if strong else {"fill": SOFT, "class": "soft"}
        places = {"x": _n(x), "y": _n(y), "text-anchor": anchor, "font-size": "13"}
        self.marks.append(Mark("text", {**places, **look}, words, tip))


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places on an axis; logarithmic where the values span decades.

    Args:
        low: Value at ``start``.
        high: Value at ``end``.
        start: Place of ``low``.
        end: Place of ``high``.
        log: Whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            marks = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
            found = [mark for mark in marks if self.low <= mark <= self.high]
            return found if len(found) < 8 else [mark for mark in found if _is_power(mark)]
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def digits(self) -> int:
        """Behind the decimal sign of a tick."""
        if self.log:
            return max(0, -math.floor(math.log10(self.low)))
        return max(0, -math.floor(math.log10(_round_step((self.high - self.low) / 5)) + 1e-9))


def spanning(
    values: Iterable[float], start: float, end: float, zero: bool = False, log: bool = False
) -> Scale:
    """A scale that holds all values with some room; with ``zero`` it begins (or ends) there.

    A logarithmic one wants values > 0 and is linear where one is not.
    """
    found = list(values) or [0.0, 1.0]
    low, high = min(found), max(found)
    if log and low > 0:
        return Scale(low / 1.25, high * 1.25, start, end, True)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    low, high = low - room, high + room
    if zero:
        low, high = (0.0 if low + room >= 0 else low), (0.0 if high - room <= 0 else high)
    return Scale(low, high, start, end)


def paint(color: int) -> dict[str, str]:
    return {"fill": COLORS[color % len(COLORS)], "class": f"f{color % len(COLORS)}"}


def stroke(color: int) -> dict[str, str]:
    return {"stroke": COLORS[color % len(COLORS)], "class": f"s{color % len(COLORS)}"}


def shorten(words: str, width: float) -> str:
    """At most so wide; what is cut off is marked."""
    most = max(int(width / LETTER), 2)
    return words if len(words) <= most else words[: most - 1] + "…"


def apart(places: Sequence[float], least: float) -> list[float]:
    """The places, moved down just so far that they are ``least`` apart; for labels."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, here in itertools.pairwise(order):
        moved[here] = max(moved[here], moved[before] + least)
    return moved


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _is_power(value: float) -> bool:
    return abs(math.log10(value) - round(math.log10(value))) < 1e-9


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
