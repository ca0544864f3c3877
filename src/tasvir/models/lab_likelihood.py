"""The likelihood of held-out data under a trained run, with its errors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from tasvir.errors import SettingError
from tasvir.lab.data import tokens
from tasvir.lab.data.opening import open_data
from tasvir.lab.data.points import law
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.models.lab_runs import Run

AT_ONCE = 50_000
"""Numbers in a batch."""


def measure(run: Run, root: Path | None, number: int, seed: int) -> dict[str, Any]:
    """Mean over the first ``number`` held-out examples, ready for JSON.

    Returns:
        nats and its standard_error over examples; exact (or a bound); bits_per_dimension or None;
        drawing_error, the part of the error that is due to drawing, or None; true_nats of the same examples
        where their law is known, or None; n, seed.

    Raises:
        SettingError: The method has no likelihood.
        UnknownNameError, RecordError: The data are not there, or are damaged.
    """
    config = run.config
    data = open_data(config.data, root, size=config.size).test[:number]
    place = next(run.model.network.parameters()).device
    size = max(1, AT_ONCE // data[0].numel())
    bounds = []
    for start, part in zip(range(0, len(data), size), data.split(size), strict=True):
        found = run.model.bound(part.to(place), seed + start)
        if found is None:
            reason = run.method.no_bound or "it has none"
            raise SettingError(f"{config.method} tells no likelihood: {reason}")
        bounds.append(found)
    nats = torch.cat([bound.nats.double().cpu() for bound in bounds])
    errors = [bound.error.double().cpu() for bound in bounds if bound.error is not None]
    return {
        "method": config.method,
        "data": config.data,
        "n": len(nats),
        "seed": seed,
        "exact": all(bound.exact for bound in bounds),
        "nats": float(nats.mean()),
        "standard_error": float(nats.std() / math.sqrt(len(nats))),
        "drawing_error": float(torch.cat(errors).square().sum().sqrt() / len(nats)) if errors else None,
        "bits_per_dimension": _bits(bounds),
        "true_nats": _true(config.data, data),
    }


def _bits(bounds: list[Bound]) -> float | None:
    found = [(bound.bits_per_dimension, len(bound.nats)) for bound in bounds]
    if any(bits is None for bits, _ in found):
        return None
    return sum(bits * count for bits, count in found if bits is not None) / sum(count for _, count in found)


def _true(name: str, data: torch.Tensor) -> float | None:
    kind, _, rest = name.partition(":")
    if kind == "tokens" and rest in tokens.CHAINS:
        return float(tokens.chain(rest).log_probability(data).mean())
    known = law(rest) if kind == "2d" else None
    return None if known is None else float(known.log_density(data.double()).mean())
