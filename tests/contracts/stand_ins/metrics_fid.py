"""The embedded features, and two rendered scenes as the reference set."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from PIL import Image

from tasvir.world.render import render
from tasvir.world.sampler import sample_scene


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    dice = np.random.default_rng(0)
    for number in range(2):
        Image.fromarray(render(sample_scene(dice))).save(folder / f"{number}.png")
    return {"model": "embedded", "reference": str(folder)}
