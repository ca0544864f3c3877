"""Samples as one picture: a grid of pictures, or how densely points lie in the plane."""

from __future__ import annotations

import math

import torch
from PIL import Image
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Kind

CELLS, REACH = 160, 3.0
"""Of a picture of points: cells a side, and how far from the middle it shows."""
LEAST_SIDE = 48
"""Pixels: smaller pictures are shown with every pixel as a square of pixels."""


def can_be_shown(kind: Kind, shape: tuple[int, ...]) -> bool:
    """Whether samples have a picture: points, on the sphere too, pictures of 1 or 3 colours; tokens never."""
    if kind == "points":
        return shape in ((2,), (3,))
    return kind == "images" and len(shape) == 3 and shape[0] in (1, 3)


def pictured(x: Tensor) -> Image.Image:
    """Samples as one picture.

    Args:
        x: [N, C, H, W] in -1 to 1 with C = 1 or 3, points [N, 2] of unit scale, or points [N, 3] on the
            sphere: longitude across and height upwards, which keeps areas (Lambert 1772).

    Raises:
        SettingError: Samples of another shape.
    """
    x = x.detach().float().cpu()
    if x.ndim == 2 and x.shape[1] == 2:
        return _density(x)
    if x.ndim == 2 and x.shape[1] == 3:
        across = torch.atan2(x[:, 1], x[:, 0]) / math.pi
        return _density(REACH * torch.stack((across, x[:, 2].clamp(-1, 1)), 1) * (1 - 1e-6))
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return _grid(x)
    raise SettingError(
        f"samples of shape {tuple(x.shape)} have no picture: pictures and points in the plane do"
    )


def _grid(x: Tensor) -> Image.Image:
    """Row by row, nearly square, a pixel of grey between."""
    across = math.ceil(math.sqrt(len(x)))
    down = math.ceil(len(x) / across)
    _, channels, high, wide = x.shape
    whole = torch.zeros(channels, down * (high + 1) + 1, across * (wide + 1) + 1)
    for number, picture in enumerate(x.clamp(-1, 1)):
        top, left = (number // across) * (high + 1) + 1, (number % across) * (wide + 1) + 1
        whole[:, top : top + high, left : left + wide] = picture
    return _image(whole, max(1, math.ceil(LEAST_SIDE / high)))


def _density(x: Tensor) -> Image.Image:
    """Dark where points are dense, on white."""
    cells = ((x + REACH) / (2 * REACH) * CELLS).floor().long()
    cells = cells[((cells >= 0) & (cells < CELLS)).all(1)]
    count = torch.zeros(CELLS * CELLS).index_add_(
        0, cells[:, 1] * CELLS + cells[:, 0], torch.ones(len(cells))
    )
    shade = 1 - 2 * (count / count.max().clamp(min=1)).sqrt()
    return _image(shade.reshape(1, CELLS, CELLS).flip(1), 2)


def _image(whole: Tensor, times: int) -> Image.Image:
    numbers = ((whole + 1) * 127.5).round().byte().permute(1, 2, 0).squeeze(-1).numpy()
    image = Image.fromarray(numbers)
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
