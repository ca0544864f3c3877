"""Small charts as coordinates for SVG: a line over steps, a histogram with the curve for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 130
"""Of the drawing area, in units of the view box."""


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line from step 1 to the last.

    Args:
        label: What is drawn.
        line: "x,y x,y ..." within `WIDTH` x `HEIGHT`.
        top: Value at the upper edge; the lower edge is 0.
        last: Number of the last step.
    """

    label: str
    line: str
    top: str
    last: int


def line_chart(label: str, values: Sequence[float], unit: str = "") -> LineChart:
    """A chart of numbers >= 0, one a step."""
    top = max(values, default=0.0) or 1.0
    apart = WIDTH / max(len(values) - 1, 1)
    points = [f"{index * apart:.1f},{HEIGHT * (1 - value / top):.1f}" for index, value in enumerate(values)]
    return LineChart(label, " ".join(points), f"{top:.3g}{unit}", len(values))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars (x, y, width, height) and the line that they should follow."""

    bars: tuple[tuple[float, float, float, float], ...]
    line: str


def histogram(counts: Sequence[float], expected: Sequence[float]) -> Histogram:
    """Bars of counts and a line through the counts that were to be expected."""
    top = max(*counts, *expected)
    width = WIDTH / len(counts)
    heights = [round(HEIGHT * count / top, 1) for count in counts]
    bars = tuple(
        (round(index * width, 1), round(HEIGHT - height, 1), round(width - 1, 1), height)
        for index, height in enumerate(heights)
    )
    points = [
        f"{(index + 0.5) * width:.1f},{HEIGHT * (1 - value / top):.1f}"
        for index, value in enumerate(expected)
    ]
    return Histogram(bars, " ".join(points))
