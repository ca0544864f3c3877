"""The arithmetic of a walk: noise against N(0, 1), guidance as lengths and angles, the clean latent foreseen.

A step's input is x = sqrt(a) x0 + sqrt(1 - a) e with a = alpha bar, so that a prediction of e or of
v = sqrt(a) e - sqrt(1 - a) x0 tells x0 (Ho et al. 2020, eq. 9; Salimans & Ho 2022, appendix D).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.walk.record import Guidance, Noise, Shown

BINS = 25
FLOW = "flow"
"""A velocity e - x0 along x = (1 - s) x0 + s e (Liu et al. 2023, Esser et al. 2024)."""
REACH = 4.0
"""The histogram goes from -REACH to REACH; what lies beyond counts in the outermost bins."""


def noise_facts(latents: Tensor, picture: Shown) -> Noise:
    """Hold noise [C, H, W] against N(0, 1)."""
    values = latents.detach().double().flatten()
    count = values.numel()
    mean, std = values.mean().item(), values.std(correction=0).item()
    standard = (values - mean) / max(std, 1e-12)
    ordered = values.sort().values
    below = _normal_cdf(ordered)
    ranks = torch.arange(count, dtype=torch.float64)
    distance = torch.maximum((ranks + 1) / count - below, below - ranks / count).max().item()
    edges = torch.linspace(-REACH, REACH, BINS + 1, dtype=torch.float64)
    counts = torch.histogram(values.clamp(-REACH, REACH).cpu(), edges).hist
    bounds = _normal_cdf(edges)
    bounds[0], bounds[-1] = 0, 1
    return Noise(
        shape=tuple(latents.shape),
        mean=mean,
        std=std,
        skew=(standard**3).mean().item(),
        kurtosis=(standard**4).mean().item() - 3,
        z=mean * math.sqrt(count),
        distance=distance,
        critical=1.358 / math.sqrt(count),
        edges=tuple(edges.tolist()),
        counts=tuple(int(value) for value in counts.tolist()),
        expected=tuple((bounds.diff() * count).tolist()),
        digest=hashlib.sha256(latents.detach().float().cpu().contiguous().numpy().tobytes()).hexdigest(),
        picture=picture,
    )


def _normal_cdf(values: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(values / math.sqrt(2)))


def guidance_effect(text: Tensor, empty: Tensor) -> Guidance:
    """Lengths and angles of two predictions of the same shape (Ho & Salimans 2022, eq. 6)."""
    with_text, without = text.detach().double().flatten(), empty.detach().double().flatten()
    gap = with_text - without
    return Guidance(
        text=with_text.norm().item(),
        empty=without.norm().item(),
        gap=gap.norm().item(),
        angle=_degrees(with_text, without),
        turn=_degrees(gap, without),
    )


def _degrees(first: Tensor, second: Tensor) -> float:
    """Angle of two vectors; of a vector without length it is 0."""
    unit = [vector / vector.norm().clamp_min(1e-300) for vector in (first, second)]
    # not acos of the dot product, which loses small angles to rounding (Kahan 2006)
    return math.degrees(2 * math.atan2((unit[0] - unit[1]).norm().item(), (unit[0] + unit[1]).norm().item()))


def signal_share(scheduler: Any, timestep: float) -> float:
    """alpha bar of the step that ``scheduler`` has just done.

    Read after the step: a scheduler in terms of sigma has moved its index on by one.
    """
    sigmas, index = getattr(scheduler, "sigmas", None), getattr(scheduler, "step_index", None)
    if sigmas is not None and index is not None:
        sigma = float(sigmas[index - 1])
        clean = 1 - sigma if prediction_of(scheduler) == FLOW else 1
        return clean**2 / (clean**2 + sigma**2)
    return float(scheduler.alphas_cumprod[int(timestep)])


def prediction_of(scheduler: Any) -> str:
    """What the denoiser predicts, as diffusers' schedulers say it; `FLOW` where they say nothing."""
    kind = scheduler.config.get("prediction_type")
    return FLOW if kind is None and hasattr(scheduler, "sigmas") else str(kind)


def clean_latent(given: Tensor, predicted: Tensor, signal: float, prediction_type: str) -> Tensor:
    """The clean latent x0 that a prediction foresees.

    Args:
        given: The denoiser's input, of variance about 1, under flow matching (1 - s) x0 + s e.
        predicted: Its output, same shape.
        signal: alpha bar of the input; under flow matching (1 - s)^2 / ((1 - s)^2 + s^2).
        prediction_type: As `prediction_of` says it.

    Raises:
        SettingError: Another kind of prediction.
    """
    signal = max(signal, 1e-8)  # a schedule without terminal signal foresees nothing from e; keep it finite
    if prediction_type == "epsilon":
        return (given - math.sqrt(1 - signal) * predicted) / math.sqrt(signal)
    if prediction_type == "v_prediction":
        return math.sqrt(signal) * given - math.sqrt(1 - signal) * predicted
    if prediction_type == "sample":
        return predicted
    if prediction_type == FLOW:
        ratio = math.sqrt((1 - signal) / signal)
        return given - ratio / (1 + ratio) * predicted
    raise SettingError(
        f"the model predicts {prediction_type!r}, which the walk cannot read: it knows epsilon, "
        "v_prediction, sample and flow matching"
    )
