"""How much unknown details of a protocol matter: one is changed at a time, three weightings are seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tasvir.errors import OutputError
from tasvir.lab.multimodal.experiments.results import TableResults

SENSITIVITY = "sensitivity.json"
WEIGHTS = ("fixed:1,1", "fixed:1,3", "fixed:3,1")
"""Equal, the label three times, the image three times."""
CHANGES: tuple[Mapping[str, Any], ...] = (
    {},
    {"epochs": 30},
    {"epochs": 400},
    {"lr": 5e-4},
    {"latent": 2},
    {"latent": 64},
    {"hidden": 32},
    {"hidden": 400},
    {"label_likelihood": "categorical"},
    {"label_scale": 10.0},
    {"beta": 4.0},
    {"unimodal": 0.0},
    {"assignment": "all"},
    {"examples": 5000},
)
"""Of image and label; the first is the protocol as it is."""


def name_of(changed: Mapping[str, Any]) -> str:
    """Of the folder of a change: "latent-2"; "as-is" of none."""
    return "-".join(f"{key}-{value}" for key, value in changed.items()) or "as-is"


def sweep(
    changes: Sequence[Mapping[str, Any]], run: Callable[[Mapping[str, Any]], TableResults], out: Path
) -> list[dict[str, Any]]:
    """Run every change and write down what it did.

    Args:
        changes: Settings by name.
        run: Makes the table of a change.
        out: Folder that sensitivity.json comes into.

    Returns:
        Of each change "changed" and "figures": means of the classical row, and what the other rows have more.

    Raises:
        OutputError: It cannot be written.
    """
    rows: list[dict[str, Any]] = []
    for changed in changes:
        rows.append({"changed": dict(changed), "figures": effects(run(changed))})
        part = out / f"{SENSITIVITY}.part"
        try:
            part.write_text(json.dumps(rows, indent=2), "utf-8")
            part.replace(out / SENSITIVITY)
        except OSError as problem:
            raise OutputError(f"cannot write {out / SENSITIVITY} ({problem}): make room there") from problem
    return rows


def effects(results: TableResults) -> dict[str, float]:
    """Means of the first weighting by figure, and "FIGURE, WEIGHTING": what another one's mean is more."""
    found: dict[str, float] = {}
    for figure, values in results.figures.items():
        found[figure] = fmean(values[0])
        for name, row in zip(results.weightings[1:], values[1:], strict=True):
            found[f"{figure}, {name}"] = fmean(row) - found[figure]
    return found
