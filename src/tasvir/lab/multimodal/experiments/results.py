"""What came of one table: figures of every model, how weights and bounds went, what it cost; kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasvir.errors import OutputError, RecordError

RESULTS, PICTURES = "results.json", "pictures.safetensors"
"""Names in the folder of a table."""


@dataclass(frozen=True)
class TableResults:
    """One table: W weightings of G seeds.

    Args:
        experiment: "gaussians" or "image-label".
        expert: A name of kind "lab.experts".
        data: As `open_data` reads it; "gaussians" of the Gaussians.
        protocol: Sizes, rates, objective: whatever the figures depend on.
        modalities: M names.
        weightings: W names; the first is the classical rule.
        seeds: G numbers.
        figures: Of each figure its values [W][G]; lower is better but where its name is in `higher`.
        higher: Figures of which more is better.
        history: Weights after each epoch, [epochs + 1][M][W][G].
        curve: Held-out objective in nats at twenty points of the training or fewer, [points][W][G].
        seconds: Of wall time: "training", all resumptions together, and "measuring".
        versions: Of Python and torch.
        commit: Of this code, None outside a checkout.
    """

    experiment: str
    expert: str
    data: str
    protocol: Mapping[str, Any]
    modalities: Sequence[str]
    weightings: Sequence[str]
    seeds: Sequence[int]
    figures: Mapping[str, Sequence[Sequence[float]]]
    higher: Sequence[str]
    history: Sequence[Sequence[Sequence[Sequence[float]]]]
    curve: Sequence[Sequence[Sequence[float]]]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    commit: str | None

    def write(self, folder: Path) -> None:
        """Write results.json, whole or not at all.

        Raises:
            OutputError: The folder cannot be written.
        """
        part = folder / f"{RESULTS}.part"
        try:
            part.write_text(json.dumps(asdict(self)), "utf-8")
            part.replace(folder / RESULTS)
        except OSError as problem:
            raise OutputError(f"cannot write {folder / RESULTS} ({problem}): make room there") from problem


def read_results(folder: Path) -> TableResults:
    """The results in a table's folder.

    Raises:
        RecordError: There are none, or they are damaged.
    """
    try:
        return _fitting(TableResults(**json.loads((folder / RESULTS).read_text("utf-8"))))
    except FileNotFoundError as problem:
        raise RecordError(f"{folder} holds no results: run the experiment to its end") from problem
    except (OSError, ValueError, TypeError) as problem:
        raise RecordError(
            f"{folder / RESULTS} cannot be read ({problem}): remove it and run again"
        ) from problem


def _fitting(results: TableResults) -> TableResults:
    """Results whose parts are of the right kinds and sizes.

    Raises:
        ValueError, TypeError: They are not.
    """
    named = (results.modalities, results.weightings, results.seeds)
    modalities, weightings, seeds = (len(one) for one in named)
    if not all((modalities, weightings, seeds)):
        raise ValueError("no modalities, weightings or seeds")
    for name, values in {**results.figures}.items():
        if np.asarray(values, dtype=np.float64).shape != (weightings, seeds):
            raise ValueError(f"figure {name!r} is not {weightings} weightings by {seeds} seeds")
    for name, shape in (("history", (modalities, weightings, seeds)), ("curve", (weightings, seeds))):
        found = np.asarray(getattr(results, name), dtype=np.float64)
        if found.size and found.shape[1:] != shape:
            raise ValueError(f"{name} is of {found.shape[1:]} models and not of {shape}")
    words = (results.experiment, results.expert, results.data, results.commit or "", *{**results.versions})
    if not all(isinstance(one, str) for one in words) or not isinstance(results.protocol, dict):
        raise TypeError("a name or the protocol is none")
    sum({**results.seconds}.values())
    return results
