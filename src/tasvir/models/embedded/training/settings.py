"""What one training command was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tasvir.errors import SettingError
from tasvir.world.scene import BACKGROUNDS

DTYPES = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What one training command was asked.

    Args:
        out: Folder of the run: checkpoint, curve and, at the end, the weights.
        steps: Optimiser steps; the budget unless ``minutes`` ends first.
        minutes: Wall-clock budget over all resumptions; None = no limit.
        batch: Pictures a step; None = the model's default, or what a resumed run was begun with.
        lr: Peak learning rate; None likewise.
        seed: Seeds weights, data and noise.
        device: "auto", "cpu", "cuda", ...
        dtype: "auto" (bf16 autocast where the processor has it), "float32" or "bfloat16".
        resume: Go on from the checkpoint in ``out`` instead of refusing to overwrite it.
        threads: CPU threads; None = torch's choice.
        start: Weights to begin from (a file written by an earlier run, or the folder of a pipeline), or None.
        vae: Folder of a trained autoencoder; None = the shipped one.
        pipeline: Folder of a trained generator; None = the shipped one.
        recogniser: Folder of a trained recogniser; None = the shipped one.
        clip: Folder of a CLIP whose text tower reads a generator's prompts; None = an encoder of its own.
        background: The only background that a generator is trained on; None = all.

    Raises:
        SettingError: A number out of its range, or an unknown dtype.
    """

    out: Path
    steps: int = 100_000
    minutes: float | None = None
    batch: int | None = None
    lr: float | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    resume: bool = False
    threads: int | None = None
    start: Path | None = None
    vae: Path | None = None
    pipeline: Path | None = None
    recogniser: Path | None = None
    clip: Path | None = None
    background: str | None = None

    def __post_init__(self) -> None:
        for name, what in (("steps", "1 or more"), ("batch", "1 or more"), ("threads", "1 or more")):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name} is {value}: give {what}")
        for name in ("minutes", "lr"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SettingError(f"{name} is {value}: give a number above 0")
        if self.seed < 0:
            raise SettingError(f"seed is {self.seed}: give 0 or more")
        if self.background is not None and self.background not in BACKGROUNDS:
            raise SettingError(f"background is {self.background!r}: give one of {', '.join(BACKGROUNDS)}")
        if self.dtype not in DTYPES:
            raise SettingError(f"dtype is {self.dtype!r}: give one of {', '.join(DTYPES)}")
