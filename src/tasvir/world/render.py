"""Scene -> pixels: SVG templates are recoloured, rasterised by resvg once, and composited back to front.

A template carries its palette in one ``<style id="palette">`` element, which is replaced by the wanted
colour; a striped or dotted surface makes the main colour a pattern. Every template of a directional kind
looks to the right.
"""

from __future__ import annotations

import io
import re
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from tasvir.errors import UnknownNameError
from tasvir.world.catalogue import kind as find_kind
from tasvir.world.catalogue import palette
from tasvir.world.scene import SURFACES, Placed, Scene

Pixels = NDArray[np.uint8]

MASTER_HEIGHT = 192
"""Height in pixels at which a sprite is rasterised before it is shrunk to its box."""

_PALETTE = re.compile(r'<style id="palette">.*?</style>', re.DOTALL)
_PATTERNS = {
    "striped": '<pattern id="surface" width="24" height="24" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(35)"><rect width="24" height="24" fill="{base}"/>'
    '<rect width="11" height="24" fill="{ink}"/></pattern>',
    "dotted": '<pattern id="surface" width="26" height="26" patternUnits="userSpaceOnUse">'
    '<rect width="26" height="26" fill="{base}"/><circle cx="13" cy="13" r="7.5" fill="{ink}"/></pattern>',
}


def render(scene: Scene, size: tuple[int, int] = (128, 128)) -> Pixels:
    """Draw a scene.

    Args:
        scene: What to draw, things farthest first.
        size: Width and height in pixels.

    Returns:
        uint8 array, shape [height, width, 3], sRGB.

    Raises:
        UnknownNameError: The world has no such kind, pose, colour, surface or background.
    """
    canvas = background(scene.background, *size, flip=bool(scene.seed % 2)).copy()
    for thing in scene.things:
        _paste(canvas, thing)
    return canvas


def sprite(
    kind: str, pose: str | None, color: str, surface: str, facing: str | None, width: int, height: int
) -> Pixels:
    """One thing alone: uint8 array [height, width, 4], RGB premultiplied by alpha.

    Raises:
        UnknownNameError: The world has no such kind, pose, colour or surface.
    """
    return _sprite(kind, pose, color, surface, facing == "left", width, height)


@lru_cache(maxsize=16)
def background(name: str, width: int, height: int, *, flip: bool = False) -> Pixels:
    """A backdrop: uint8 array [height, width, 3], not to be written to; ``flip`` mirrors it.

    Raises:
        UnknownNameError: No backdrop of that name.
    """
    source = files(__package__).joinpath("backgrounds", f"{name}.svg")
    if not source.is_file():
        raise UnknownNameError(f"the picture world has no background {name!r}")
    side = max(width, height)
    picture = _rasterise(source.read_text("utf-8"), side, side).convert("RGB")
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    pixels = np.ascontiguousarray(pixels[:, ::-1] if flip else pixels)
    pixels.flags.writeable = False
    return pixels


def _paste(canvas: Pixels, thing: Placed) -> None:
    height, width = canvas.shape[:2]
    left, top, right, bottom = (
        round(edge * side) for edge, side in zip(thing.box, (width, height, width, height), strict=True)
    )
    if right <= left or bottom <= top:
        return
    drawn = sprite(
        thing.kind, thing.pose, thing.color, thing.surface, thing.facing, right - left, bottom - top
    )
    paste(canvas, drawn, left, top)


def paste(canvas: Pixels, drawn: Pixels, left: int, top: int) -> None:
    """Lay a sprite (premultiplied, see `sprite`) on a picture in place; what lies outside is cut off.

    Args:
        canvas: uint8 [H, W, 3], changed.
        drawn: uint8 [h, w, 4].
        left: Column of the canvas for the sprite's first; may be negative, like ``top``.
        top: Row of the canvas for the sprite's first.
    """
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + drawn.shape[1], width), min(top + drawn.shape[0], height)
    if x1 <= x0 or y1 <= y0:
        return
    drawn = drawn[y0 - top : y1 - top, x0 - left : x1 - left]
    below = canvas[y0:y1, x0:x1]
    shown = below * (255 - drawn[..., 3:].astype(np.uint16)) + np.uint16(128)
    shown += shown >> 8  # with the next shift a division by 255, rounded to the nearest
    shown >>= 8
    shown += drawn[..., :3]
    below[...] = shown


@lru_cache(maxsize=16384)
def _sprite(
    kind: str, pose: str | None, color: str, surface: str, mirrored: bool, width: int, height: int
) -> Pixels:
    small = _master(kind, pose, color, surface).resize((width, height), Image.Resampling.BOX)
    pixels = np.array(small)
    pixels = np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels
    # rounding in the resampling may lift a colour one step above its alpha
    np.minimum(pixels[..., :3], pixels[..., 3:], out=pixels[..., :3])
    pixels.flags.writeable = False
    return pixels


@lru_cache(maxsize=4096)
def _master(kind: str, pose: str | None, color: str, surface: str) -> Image.Image:
    """A sprite at MASTER_HEIGHT, premultiplied RGBA, facing right."""
    svg = _PALETTE.sub(lambda _: _style(color, surface), _template(kind, pose), count=1)
    straight = _rasterise(svg, round(MASTER_HEIGHT * find_kind(kind).aspect), MASTER_HEIGHT)
    return straight.convert("RGBa")


@cache
def _template(kind: str, pose: str | None) -> str:
    name = kind if pose is None else f"{kind}-{pose}"
    source = files(__package__).joinpath("sprites", f"{name}.svg")
    if not source.is_file():
        raise UnknownNameError(f"the picture world has no drawing {name}.svg")
    return source.read_text("utf-8")


def _style(color: str, surface: str) -> str:
    if color not in palette():
        raise UnknownNameError(f"the picture world has no color {color!r}; it has {', '.join(palette())}")
    if surface not in SURFACES:
        raise UnknownNameError(f"the picture world has no surface {surface!r}; it has {', '.join(SURFACES)}")
    shades = palette()[color]
    fill, pattern = shades.main, ""
    if surface != "plain":
        fill = "url(#surface)"
        ink = shades.dark if color == "white" else "#ffffff"
        pattern = f"<defs>{_PATTERNS[surface].format(base=shades.main, ink=ink)}</defs>"
    rules = f".main{{fill:{fill}}}.dark{{fill:{shades.dark}}}.light{{fill:{shades.light}}}"
    return f'<style id="palette">{rules}</style>{pattern}'


def _rasterise(svg: str, width: int, height: int) -> Image.Image:
    data = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height)
    picture = Image.open(io.BytesIO(bytes(data))).convert("RGBA")
    return picture if picture.size == (width, height) else picture.resize((width, height))
