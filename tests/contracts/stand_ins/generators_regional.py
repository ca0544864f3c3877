"""A Stable Diffusion with random weights, whose boxes hear their phrases alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    build("sd").save_pretrained(str(folder))
    return {"model": str(folder), "load": LoadSettings(device="cpu"), "base_ratio": 0.0}
