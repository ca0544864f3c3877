"""Samples of a trained run as they are asked for: how many, by which sampler, of which classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.diffusion.guidance.classifier_free import for_classes
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled

AT_ONCE = 200_000
"""Numbers in a batch, so that many pictures need no more memory than some."""


@dataclass(frozen=True)
class Wish:
    """How samples shall be drawn.

    Args:
        sampler: A name of kind "lab.samplers"; None = the method's own.
        steps: How many; None = the method's own, or what ``evaluations`` buy.
        evaluations: Budget of network evaluations.
        labels: Classes, used in turn; empty = none.
        guidance: Classifier-free guidance scale, 1 = none; needs classes.
    """

    sampler: str | None = None
    steps: int | None = None
    evaluations: int | None = None
    labels: Sequence[int] = ()
    guidance: float = 1.0


def draw(model: Model, n: int, seed: int, wish: Wish) -> Sampled:
    """n samples, in batches of one size; ``evaluations`` of the result is of one batch, seconds are of all.

    The first batch is that of ``model.sample`` with the same seed.

    Raises:
        UnknownNameError: No such sampler.
        SettingError: What the model cannot do, steps and evaluations together, or a number out of range.
    """
    if n < 1:
        raise SettingError(f"{n} samples: ask for 1 or more")
    sampler = None if wish.sampler is None else registry.create("lab.samplers", wish.sampler, Sampler)
    steps = _steps(model, sampler, wish)
    labels = _labels(n, wish.labels)
    size = max(1, AT_ONCE // max(1, _numbers(model)))
    parts = []
    for start in range(0, n, size):
        count = min(size, n - start)
        own = seed if start == 0 else int(np.random.SeedSequence([seed, start]).generate_state(1)[0])
        chosen = None if labels is None else labels[start : start + count]
        more = _guided(model, chosen, wish.guidance)
        parts.append(model.sample(count, own, sampler=sampler, steps=steps, labels=chosen, **more))
    return Sampled(
        torch.cat([part.x for part in parts]), parts[0].evaluations, sum(part.seconds for part in parts)
    )


def _numbers(model: Model) -> int:
    """In one sample; models that do not tell draw all at once."""
    return torch.Size(getattr(model, "shape", (1,))).numel()


def _steps(model: Model, sampler: Sampler | None, wish: Wish) -> int | None:
    if wish.evaluations is None:
        return wish.steps
    if wish.steps is not None:
        raise SettingError("--steps and --nfe say the same in two ways: give one of them")
    if wish.evaluations < 1:
        raise SettingError(f"{wish.evaluations} evaluations: give 1 or more")
    own = model.drawing.sampler if isinstance(model, GaussianModel) else None
    chosen = sampler or own
    if chosen is None or chosen.evaluations is None:
        raise SettingError(
            "this model or sampler counts no evaluations beforehand: leave --nfe out, or give --steps"
        )
    return chosen.steps_for(wish.evaluations)


def _labels(n: int, labels: Sequence[int]) -> torch.Tensor | None:
    if not labels:
        return None
    return torch.tensor(labels, dtype=torch.int64).repeat(-(-n // len(labels)))[:n]


def _guided(model: Model, labels: torch.Tensor | None, scale: float) -> dict[str, Any]:
    if scale == 1.0:
        return {}
    if labels is None or not isinstance(model, GaussianModel):
        raise SettingError("guidance goes towards classes: give --labels, and a model trained with classes")
    place = next(model.network.parameters()).device
    return {"denoiser": for_classes(model.asked(len(labels), labels.to(place)), labels.to(place), scale)}
