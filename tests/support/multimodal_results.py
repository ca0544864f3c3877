"""Made-up tables of the multimodal study: the printed means with noise that a seed's rows share."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tasvir.lab.multimodal.experiments.results import PICTURES, TableResults
from tasvir.report.multimodal.printed import Key, PrintedTable, printed_tables

GAUSSIAN_POE = ("gaussians", "poe", "gaussians")
GAUSSIAN_MOE = ("gaussians", "moe", "gaussians")
MNIST_POE = ("image-label", "poe", "mnist")
FASHION_MOE = ("image-label", "moe", "fashion-mnist")
Means = Callable[[PrintedTable, str, str], float]


def as_printed_mean(table: PrintedTable, weighting: str, figure: str) -> float:
    return table.mean(weighting, figure)


def build_table(
    key: Key,
    *,
    seeds: int = 10,
    shared: float = 0.02,
    own: float = 0.001,
    means: Means = as_printed_mean,
    more: Mapping[str, float] | None = None,
    protocol: Mapping[str, Any] | None = None,
) -> TableResults:
    """A table whose means are the printed ones, or what ``means`` makes of them.

    Args:
        key: Of a table of the thesis.
        seeds: How many.
        shared: Deviation of what all rows of a seed have in common.
        own: Deviation of what each model has alone.
        means: Of a printed table, weighting and figure.
        more: Further figures, by name their mean.
        protocol: Whatever the record shall hold.
    """
    printed = printed_tables()[key]
    rng = np.random.default_rng(zlib.crc32(" ".join(key).encode()))
    rows, modalities = list(printed.rows), 3 if key[0] == "gaussians" else 2
    figures: dict[str, list[list[float]]] = {}
    for figure in printed.columns:
        common = shared * rng.standard_normal(seeds)
        figures[figure] = [
            (means(printed, row, figure) + common + own * rng.standard_normal(seeds)).tolist() for row in rows
        ]
    for name, mean in (more or {}).items():
        figures[name] = (mean + own * rng.standard_normal((len(rows), seeds))).tolist()
    return TableResults(
        experiment=key[0],
        expert=key[1],
        data=key[2],
        protocol={"epochs": 20, "latent": 2} if protocol is None else protocol,
        modalities=["x1", "x2", "x3"] if modalities == 3 else ["image", "label"],
        weightings=rows,
        seeds=list(range(seeds)),
        figures=figures,
        higher=["coherence"] if "coherence" in figures else [],
        history=_history(rows, modalities, seeds).tolist(),
        curve=_curve(len(rows), seeds, rng).tolist(),
        seconds={"training": 61.0, "measuring": 2.5},
        versions={"python": "3.12", "torch": "2"},
        commit="0123456789abcdef",
    )


def _history(rows: list[str], modalities: int, seeds: int) -> np.ndarray:
    """The first modality gains where rules favour a dominant one; fixed rows stay."""
    moved = {"generating:strong": 1, "generated:weak": 1, "generating:weak": -1, "generated:strong": -1}
    epochs = np.linspace(0, 1, 21)
    history = np.full((21, modalities, len(rows), seeds), 1 / modalities)
    for place, row in enumerate(rows):
        if row in moved:
            gain = 0.1 * moved[row] * epochs[:, None] + np.zeros(seeds)
            gain[1:] += 0.001 * np.random.default_rng(place).standard_normal((20, seeds))
            history[:, 0, place] += gain
            history[:, 1:, place] -= gain[:, None] / (modalities - 1)
    return history


def _curve(rows: int, seeds: int, rng: np.random.Generator) -> np.ndarray:
    steps = np.linspace(0.2, 4, 20)[:, None, None]
    return -100 - 60 * np.exp(-steps) + 0.3 * rng.standard_normal((20, rows, seeds))


def build_arrays(rows: int, latent: int = 2) -> dict[str, np.ndarray]:
    """Pictures of the right shapes: a bar a class, blurred where the label alone tells it."""
    rng = np.random.default_rng(7)
    true = np.zeros((10, 1, 28, 28), np.float32)
    for label in range(10):
        true[label, :, 4:24, 2 + 2 * label : 6 + 2 * label] = 1
    arrays = {"true": true}
    for name, noise in (("I2I", 0.1), ("J2I", 0.2), ("T2I", 0.5)):
        arrays[name] = np.clip(true + noise * rng.random((rows, 10, 1, 28, 28)), 0, 1).astype(np.float32)
    for name, right in (("I2T", 0.7), ("T2T", 0.95), ("J2T", 0.9)):
        told = np.full((10, 10), (1 - right) / 9) + (right - (1 - right) / 9) * np.eye(10)
        arrays[name] = np.repeat(told[None], rows, 0).astype(np.float32)
    labels = rng.integers(0, 10, 500)
    angles = labels / 10 * 2 * np.pi
    middle = np.stack([np.cos(angles), np.sin(angles), *([0 * angles] * (latent - 2))], -1)[..., :latent]
    arrays["latent"] = (middle + 0.25 * rng.standard_normal((rows, 500, latent))).astype(np.float32)
    arrays["latent_labels"] = labels.astype(np.int64)
    return arrays


def write_tables(root: Path, tables: list[TableResults], *, sweep: bool = True) -> Path:
    """A study's folder."""
    for one in tables:
        folder = root / "-".join((one.experiment, one.expert, one.data))
        folder.mkdir(parents=True)
        one.write(folder)
        if one.experiment == "image-label":
            save_file(build_arrays(len(one.weightings)), folder / PICTURES)
    if sweep:
        told = [
            {"changed": {}, "figures": {"J2I": 0.2, "J2I, fixed:1,3": 0.0123, "joint": -90.0}},
            {"changed": {"lr": 0.01}, "figures": {"J2I": 0.25, "J2I, fixed:1,3": -0.0321, "joint": -91.0}},
        ]
        (root / "sensitivity.json").write_text(json.dumps(told), "utf-8")
    return root
