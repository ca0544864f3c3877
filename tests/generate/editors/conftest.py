"""Tiny models in folders, and pictures to edit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tasvir.models.hub.drawing import to_picture
from tasvir.models.tiny.families import write
from tasvir.records import Picture


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Where a tiny model of a family lies, as `save_pretrained` writes it."""
    root = tmp_path_factory.mktemp("tiny")

    def saved(family: str) -> str:
        path = root / family
        if not path.is_dir():
            write(family, path)
        return str(path)

    return saved


def picture(width: int = 32, height: int = 32, seed: int = 0) -> Picture:
    """Coloured noise over a slope: nothing in it is the same twice."""
    generator = np.random.default_rng(seed)
    slope = np.linspace(0, 120, width)[None, :, None] + np.linspace(0, 80, height)[:, None, None]
    pixels = slope + generator.integers(0, 56, (height, width, 3))
    return to_picture(Image.fromarray(pixels.astype(np.uint8)), {})


def grey(levels: np.ndarray) -> Picture:
    """A mask or depth map of grey levels, 0 to 255."""
    return to_picture(Image.fromarray(levels.astype(np.uint8)), {})


def half(width: int = 32, height: int = 32) -> Picture:
    """A mask whose right half is white."""
    return grey(np.where(np.arange(width)[None, :] >= width // 2, 255, 0).repeat(height, 0))
