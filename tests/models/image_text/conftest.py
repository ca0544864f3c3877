"""Tiny models of each kind, saved once, and pictures to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasvir.models.tiny.image_text import save_answerer, save_captioner, save_clip


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("image_text")
    makers = {"clip": save_clip, "captioner": save_captioner, "answerer": save_answerer}

    def folder(name: str) -> Path:
        return root / name if (root / name).is_dir() else makers[name](root / name)

    return folder


@pytest.fixture
def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)) for _ in range(3)]
