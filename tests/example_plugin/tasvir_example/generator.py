"""The smallest honest generator: each box becomes a block in a colour that the seed chooses."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from tasvir.generate.base import DrawSettings, Generator
from tasvir.records import Layout, Picture, Prompt


class BlocksGenerator(Generator):
    """Draws every box of a layout as a plain block."""

    name = "blocks"

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        return [_draw(layout, seed, settings.size) for layout, seed in zip(layouts, seeds, strict=True)]


def _draw(layout: Layout | None, seed: int, size: tuple[int, int]) -> Picture:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for thing in layout.things if layout else ():
        x0, y0, x1, y1 = thing.box.as_tuple()
        color = tuple(int(value) for value in rng.integers(0, 200, 3))
        pen.rectangle((x0 * size[0], y0 * size[1], x1 * size[0] - 1, y1 * size[1] - 1), fill=color)
    file = io.BytesIO()
    image.save(file, "PNG")
    return Picture(file.getvalue(), *size, {"generator": "blocks", "seed": seed})
