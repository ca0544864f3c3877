"""A FLUX with random weights, whose T5 reads far enough for a table of boxes."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    build("flux").save_pretrained(str(folder))
    return {"model": str(folder), "load": LoadSettings(device="cpu"), "codec": "flux3"}
