"""Tensors as small pictures: channels, vectors, attention and features in colours."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from tasvir.models.walk.record import Shown

PREVIEW = 160
"""Longest side of a preview in pixels."""
COLUMNS = 96
"""Colour columns of a strip of vectors; a column is the mean of several numbers where there are more."""
FEATURES = 96
"""Longest side of a decoder stage's picture."""

_DIVERGING = np.array(
    [[8, 60, 94], [72, 148, 176], [244, 242, 236], [218, 122, 72], [120, 36, 20]], np.float32
)
_HEAT = np.array([[38, 10, 90], [150, 30, 110], [232, 80, 50], [255, 200, 60], [255, 255, 220]], np.float32)


def shown(image: Image.Image, longest: int | None = None) -> Shown:
    """A picture as PNG bytes, made smaller where a side is longer than ``longest``."""
    if longest is not None and max(image.size) > longest:
        image = image.copy()
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return Shown(buffer.getvalue(), *image.size)


def pixels(picture: Tensor) -> Image.Image:
    """A picture [3, H, W] in 0..1, rounded as diffusers does."""
    array = picture.detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray((array * 255).round().astype("uint8"))


def channels(latents: Tensor) -> Shown:
    """Channels [C, H, W] side by side, blue for -3, red for 3."""
    count, height, width = latents.shape
    columns = math.ceil(math.sqrt(count)) if count > 4 else count
    rows = math.ceil(count / columns)
    tiles = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, 4), 0, np.uint8)
    colored = _colored(latents.detach().float().cpu().numpy() / 6 + 0.5, _DIVERGING)
    for number, tile in enumerate(colored):
        top, left = (number // columns) * (height + 1), (number % columns) * (width + 1)
        tiles[top : top + height, left : left + width, :3] = tile
        tiles[top : top + height, left : left + width, 3] = 255
    return shown(Image.fromarray(tiles))


def strip(vectors: Tensor) -> Shown:
    """Vectors [L, width] as rows of colours; each row's numbers in units of all rows' spread, -3 to 3."""
    rows = vectors.detach().float().cpu()
    rows = F.adaptive_avg_pool1d(rows[:, None], min(COLUMNS, rows.shape[1]))[:, 0]
    spread = rows.std().clamp_min(1e-12)
    return shown(Image.fromarray(_colored((rows / spread / 6 + 0.5).numpy(), _DIVERGING)))


def heat(attention: Tensor) -> Shown:
    """A map [h, w], from transparent at its least to bright at its greatest."""
    values = attention.detach().float().cpu().numpy()
    values = (values - values.min()) / max(float(values.max() - values.min()), 1e-12)
    alpha = (np.sqrt(values) * 215).round().astype("uint8")
    return shown(Image.fromarray(np.dstack([_colored(values, _HEAT), alpha])))


def components(features: Tensor) -> Shown:
    """Features [C, H, W]: their three strongest principal components as red, green, blue; [3, H, W] too."""
    values = features.detach().float().cpu()
    longest = max(values.shape[1:])
    if longest > FEATURES:
        ratio = FEATURES / longest
        rows, columns = (max(1, round(side * ratio)) for side in values.shape[1:])
        values = F.adaptive_avg_pool2d(values[None], (rows, columns))[0]
    flat = values.flatten(1).double()
    flat = flat - flat.mean(1, keepdim=True)
    _, vectors = torch.linalg.eigh(flat @ flat.T)
    basis = vectors[:, -3:].flip(1)
    # an eigenvector's sign is arbitrary: its largest entry is made positive, so that runs agree
    largest = basis.gather(0, basis.abs().argmax(0, keepdim=True))
    scores = (basis * largest.sign()).T @ flat
    low, high = scores.quantile(0.01, 1, keepdim=True), scores.quantile(0.99, 1, keepdim=True)
    scaled = ((scores - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    missing = 3 - scaled.shape[0]
    scaled = F.pad(scaled, (0, 0, 0, missing)).view(3, *values.shape[1:])
    return shown(pixels(scaled))


def _colored(values: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Numbers in 0..1 as colours [..., 3], straight lines between ``colors``."""
    places = np.linspace(0, 1, len(colors))
    parts = [np.interp(np.clip(values, 0, 1), places, colors[:, part]) for part in range(3)]
    return np.stack(parts, -1).round().astype("uint8")
