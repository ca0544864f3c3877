"""What every training is asked, whatever is trained, and by what recipe the loop goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tasvir.errors import SettingError

DTYPES = ("auto", "float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Budget, seeds and place of one training.

    Args:
        out: Folder of the run: checkpoint, curve and, at the end, the weights.
        steps: Optimiser steps; the budget unless ``minutes`` ends first.
        minutes: Wall-clock budget over all resumptions; None = no limit.
        batch: Examples a step; None = the task's default, or what a resumed run was begun with.
        lr: Peak learning rate; None likewise.
        seed: Seeds weights, data and noise.
        device: "auto", "cpu", "cuda", ...
        dtype: "auto" (bf16 autocast where the processor has it), "float32" or "bfloat16".
        resume: Go on from the checkpoint in ``out`` instead of refusing to overwrite it.
        threads: CPU threads; None = torch's choice.
        start: Weights to begin from (a file written by an earlier run, or the folder of a pipeline), or None.

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
        if self.dtype not in DTYPES:
            raise SettingError(f"dtype is {self.dtype!r}: give one of {', '.join(DTYPES)}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the loop goes; the embedded models are trained by the defaults.

    Args:
        warm_up_steps: Steps until the peak rate.
        decay_from: Share of the budget from which on the rate falls, as a cosine, to zero; 1 = it never does.
        gradient_clip: Largest norm of a gradient; infinity = none, each parameter goes its own way.
        average_decay: The average forgets over some 1 / (1 - decay) steps, fewer at first; 0 = no average.
        examples: What a batch consists of, the word for curve and figures.
        fused: Update all weights in one pass: many times faster for stacks, with other roundings.

    Raises:
        SettingError: A number out of its range.
    """

    warm_up_steps: int = 100
    decay_from: float = 0.4
    gradient_clip: float = 1.0
    average_decay: float = 0.9995
    examples: str = "pictures"
    fused: bool = False

    def __post_init__(self) -> None:
        if self.warm_up_steps < 0:
            raise SettingError(f"warm_up_steps is {self.warm_up_steps}: give 0 or more")
        if not 0 <= self.decay_from <= 1:
            raise SettingError(f"decay_from is {self.decay_from}: give a share of the budget, 0 to 1")
        if not self.gradient_clip > 0:
            raise SettingError(f"gradient_clip is {self.gradient_clip}: give a number above 0")
        if not 0 <= self.average_decay < 1:
            raise SettingError(f"average_decay is {self.average_decay}: give 0 or more, below 1")
