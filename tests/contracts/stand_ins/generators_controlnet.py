"""A Stable Diffusion and a ControlNet with random weights."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build
from tasvir.models.tiny.layout_families import controlnet


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    pipeline = build("sd")
    pipeline.save_pretrained(str(folder / "base"))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        control = controlnet(pipeline.unet)
    control.save_pretrained(str(folder / "control"))
    return {
        "model": str(folder / "base"),
        "load": LoadSettings(device="cpu"),
        "control": str(folder / "control"),
    }
