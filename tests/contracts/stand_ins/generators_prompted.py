"""A PixArt with random weights, whose T5 reads far enough for a table of boxes."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch

from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build
from tasvir.models.tiny.layout_families import enliven


def arguments() -> dict[str, Any]:
    folder = Path(mkdtemp())
    pipeline = build("pixart-sigma")
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        enliven(pipeline.transformer, pipeline.text_encoder, gain=2.0)
    pipeline.save_pretrained(str(folder))
    return {"model": str(folder), "load": LoadSettings(device="cpu"), "codec": "flux3"}
