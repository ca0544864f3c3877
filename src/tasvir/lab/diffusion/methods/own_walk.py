"""What models share whose way to data is their own: no choice of sampler or class, and samples that end."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled


def count_of(sampler: Sampler | None, steps: int | None, labels: Tensor | None, own: int) -> int:
    """How many steps to take: those asked for, else the model's own.

    Raises:
        SettingError: A sampler or classes, which such a model does not take, or no steps.
    """
    if sampler is not None:
        raise SettingError(f"{sampler.name} is not for this model, which walks its own way: leave it out")
    if labels is not None:
        raise SettingError("this model was not trained with classes: leave labels out")
    if steps is not None and steps < 1:
        raise SettingError(f"{steps} steps: ask for 1 or more")
    return own if steps is None else steps


def finished(x: Tensor, evaluations: int, began: float) -> Sampled:
    """Samples and what they cost since `time.perf_counter` said ``began``.

    Raises:
        NotFiniteError: Samples came out as NaN or infinity.
    """
    if not bool(torch.isfinite(x).all()):
        raise NotFiniteError(
            f"samples are not finite after {evaluations} evaluations: train longer, or take more steps"
        )
    return Sampled(x, evaluations, time.perf_counter() - began)
