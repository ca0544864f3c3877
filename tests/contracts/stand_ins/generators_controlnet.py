"""A Stable Diffusion and a ControlNet with random weights."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build
from tasvir.models.tiny.layout_families import controlnet


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    pipeline = build("sd")
    pipeline.save_pretrained(str(folder / "base"))
    controlnet(pipeline.unet).save_pretrained(str(folder / "control"))
    return {
        "model": str(folder / "base"),
        "load": LoadSettings(device="cpu"),
        "control": str(folder / "control"),
    }
