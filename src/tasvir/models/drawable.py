"""Checks that a layout can be drawn, for everything that draws from boxes.

The rules of `tasvir.layout` are for whoever plans; a generator takes any box that lies in the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasvir.errors import SettingError
from tasvir.layout import MAX_THINGS
from tasvir.records import Layout


def require_drawable(layouts: Sequence[Layout | None], most: int = MAX_THINGS) -> None:
    """Check every layout of a batch.

    Args:
        layouts: None passes.
        most: Things that the model reads.

    Raises:
        SettingError: Too many things, a thing without a phrase, or a box that is no box in the picture.
    """
    for number, layout in enumerate(layouts):
        problems = [] if layout is None else list(_problems(layout, most))
        if problems:
            raise SettingError(f"layout {number} cannot be drawn: {'; '.join(problems)}")


def _problems(layout: Layout, most: int) -> Iterator[str]:
    if len(layout.things) > most:
        yield f"it has {len(layout.things)} things, this model reads {most}: leave some out"
    for index, thing in enumerate(layout.things):
        box = thing.box
        if not thing.phrase.strip():
            yield f"thing {index} has no phrase: name what fills the box"
        if not (box.is_finite() and 0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1):
            yield (
                f"thing {index} ({thing.phrase!r}) has the box {box.as_tuple()}: "
                "give x0 < x1 and y0 < y1, all from 0 to 1"
            )
