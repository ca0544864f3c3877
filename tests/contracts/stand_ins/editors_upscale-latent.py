"""The x2 upscaler of latents with random weights."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import write


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    write("upscale-latent", folder)
    return {"model": str(folder), "load": LoadSettings(device="cpu")}
