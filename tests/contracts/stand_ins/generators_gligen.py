"""A GLIGEN with random weights and open gates, which sees its boxes in every step."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    build("gligen").save_pretrained(str(folder))
    return {"model": str(folder), "load": LoadSettings(device="cpu"), "beta": 1.0}
