"""Pictures of a table as PNG: what each modality makes of each, a sheet a weighting."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from tasvir.report.multimodal.folder import Arrays
from tasvir.score.statistics import Values

IMAGES, LABELS = ("I2I", "J2I", "T2I"), ("I2T", "T2T", "J2T")
SCALE = 2
"""Pixels of the sheet for one of a picture."""
CELL = 12
"""Pixels of the sheet for one label probability."""
SPACE = 2
PAPER = 1.0


def image_sheet(arrays: Arrays, weighting: int) -> bytes | None:
    """Rows: true, from image, from both, from label; columns: an example a class. None without any."""
    if "true" not in arrays or any(name not in arrays for name in IMAGES):
        return None
    return as_png(_grid([arrays["true"], *(arrays[name][weighting] for name in IMAGES)]))


def label_sheet(arrays: Arrays, weighting: int) -> bytes | None:
    """Three squares, `LABELS`: rows the true class, columns the told one, white = probability 1."""
    if any(name not in arrays for name in LABELS):
        return None
    squares = [np.kron(arrays[name][weighting], np.ones((CELL, CELL))) for name in LABELS]
    gap = np.full((squares[0].shape[0], CELL), PAPER)
    return as_png(np.hstack([squares[0], *(part for one in squares[1:] for part in (gap, one))]))


def as_png(picture: Values) -> bytes:
    """A picture [h, w] or [h, w, 3] of values in 0..1."""
    from PIL import Image

    pixels = (np.nan_to_num(picture).clip(0, 1) * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _grid(rows: Sequence[Values]) -> Values:
    """Rows of pictures with space between; gray where they have one channel."""
    lines = []
    for row in rows:
        tiles = [np.pad(_scaled(one), ((0, SPACE), (0, SPACE), (0, 0)), constant_values=PAPER) for one in row]
        lines.append(np.hstack(tiles))
    sheet: Values = np.vstack(lines)
    return sheet[..., 0] if sheet.shape[-1] == 1 else sheet


def _scaled(picture: Values) -> Values:
    """[h, w] or [channels, h, w] as [h, w, channels], enlarged."""
    channels = picture[..., None] if picture.ndim == 2 else np.moveaxis(picture, 0, -1)
    return channels.repeat(SCALE, 0).repeat(SCALE, 1)
