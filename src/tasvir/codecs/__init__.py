"""Named codecs between `Layout` and the box formats of other systems.

    from tasvir.codecs import CODECS, decode, encode
    encode("lmd", layout)                       # the text that LMD reads
    decode("flux3", table)                      # a Layout from FLUX 3's table

A codec converts and nothing more: `tasvir.layout.check` judges what came out. ``CODECS[name].error(canvas)``
says by how much rounding may move a coordinate, ``.keeps`` what besides phrases and boxes survives. Depth
order is kept by all but "rpg".
"""

from __future__ import annotations

import difflib
from typing import Any

from tasvir.codecs import grids, rows, texts
from tasvir.codecs.codec import Canvas, Codec
from tasvir.errors import LayoutError, UnknownNameError
from tasvir.records import Layout

__all__ = ["CODECS", "Canvas", "Codec", "decode", "encode"]

CODECS: dict[str, Codec] = {codec.name: codec for codec in (*rows.CODECS, *texts.CODECS, *grids.CODECS)}


def encode(name: str, layout: Layout, canvas: Canvas | None = None) -> Any:
    """A layout in another system's format: a text, or data that `json` can write.

    Args:
        name: A key of `CODECS`.
        layout: What to write.
        canvas: Width and height in pixels; None takes the system's usual one.

    Raises:
        UnknownNameError: No such codec.
        LayoutError: The format cannot say this (RPG: the boxes are no grid), or the canvas is not positive.
    """
    codec = _find(name)
    return codec.write(layout, _canvas(codec, canvas))


def decode(name: str, data: Any, canvas: Canvas | None = None) -> Layout:
    """A layout from another system's format.

    Raises:
        UnknownNameError: No such codec.
        LayoutError: The data is not in that format; every problem is listed.
    """
    codec = _find(name)
    return codec.read(data, _canvas(codec, canvas))


def _find(name: str) -> Codec:
    if name not in CODECS:
        near = difflib.get_close_matches(name, CODECS, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownNameError(f"no codec is called {name!r}; {hint}known: {', '.join(CODECS)}")
    return CODECS[name]


def _canvas(codec: Codec, canvas: Canvas | None) -> Canvas:
    chosen = codec.canvas if canvas is None else canvas
    if min(chosen) < 1:
        shown = f"{chosen[0]} x {chosen[1]}"
        raise LayoutError([f"the canvas is {shown}: both sides must be positive"], codec.name)
    return chosen
