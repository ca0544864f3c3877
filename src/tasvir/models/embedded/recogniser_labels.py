"""The classes that the recogniser tells apart, and which channel of a cell says what."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tasvir.world.catalogue import catalogue, palette
from tasvir.world.scene import BACKGROUNDS, FACINGS, POSES, SURFACES

KINDS: tuple[str, ...] = tuple(catalogue())
COLORS: tuple[str, ...] = tuple(palette())
BACKGROUND_NAMES: tuple[str, ...] = BACKGROUNDS

_SIZES = {
    "box": 4,
    "color": len(COLORS),
    "surface": len(SURFACES),
    "pose": len(POSES),
    "facing": len(FACINGS),
    "near": 1,
}


def _slices() -> dict[str, slice]:
    slices, start = {}, 0
    for name, size in _SIZES.items():
        slices[name] = slice(start, start + size)
        start += size
    return slices


FIELDS: Mapping[str, slice] = MappingProxyType(_slices())
"""Channels of a cell: box = distances to the left, top, right and bottom edge in fractions of the picture;
logits of colour, surface, pose and facing; near = the higher the nearer."""

CELL_WIDTH = sum(_SIZES.values())
