"""Readings of 3.4.1: the open points of the text, each answered in more than one way.

Trainings differ in data, decoders, objective and schedule; of each training every way to measure is taken,
which costs no further one. Which reading comes nearest to the printed tables, and how much each open point
moves the figures, is then arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor

from tasvir.lab.multimodal.experiments.gaussians import GaussiansSettings, from_sets
from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.stack_training import Examples

EPOCHS, BATCH, LR = 10, 250, 1e-2
COLUMNS = ("x1", "x2", "x3")
MEASUREMENTS: Mapping[str, Mapping[str, Any]] = {
    f"{codes} codes, {generated}s, {measure}, {base}": {
        "codes": codes,
        "generated": generated,
        "measure": measure,
        "base": base,
    }
    for codes, generated, measure, base in product(
        ("mean", "draw"), ("mean", "draw"), ("histogram", "distance", "moments", "kernel"), ("nats", "bits")
    )
}
"""Ways to measure a trained model, as changes of settings; the first is the literal one."""
LITERAL = next(iter(MEASUREMENTS))


@dataclass(frozen=True)
class Reading:
    """One way to train.

    Args:
        name: Also of its folder.
        settings: Data and networks.
        epochs: Through the training examples.
        batch: Examples a step.
        lr: Peak learning rate.
        unimodal: Weight of the single modalities' ELBOs.
    """

    name: str
    settings: GaussiansSettings
    epochs: int = EPOCHS
    batch: int = BATCH
    lr: float = LR
    unimodal: float = 1.0


def readings(settings: GaussiansSettings) -> list[Reading]:
    """All combinations of data and decoders, the literal one first; of that, each other point by itself."""
    answers: list[dict[str, Any]] = [
        {"spread": spread, "correlation": correlation, "scale": scale}
        for spread, correlation, scale in product(
            ("variance", "deviation"), (0.0, 0.5, 0.9), (1.0, 0.5, None)
        )
    ]
    found = [
        Reading("{spread}-correlation-{correlation:g}-scale-{scale}".format(**one), replace(settings, **one))
        for one in answers
    ]
    own = found[0]
    return [
        *found,
        replace(own, name="joint-elbo-only", unimodal=0.0),
        replace(own, name="epochs-40", epochs=40),
        replace(own, name="lr-0.001", lr=1e-3),
        replace(own, name="batch-1000", batch=1000),
        replace(own, name="founded-weights", settings=replace(own.settings, estimator="founded")),
    ]


def measured_every_way(
    model: StackedVAE, examples: Examples, settings: GaussiansSettings
) -> dict[str, Tensor]:
    """Figures "MEASUREMENT: x1" of every model, [S] each."""
    return {
        f"{name}: {column}": value
        for name, changes in MEASUREMENTS.items()
        for column, value in from_sets(model, examples, replace(settings, **changes)).items()
        if column in COLUMNS
    }


@dataclass(frozen=True)
class Judged:
    """A reading measured in one way.

    Args:
        answers: Of each open point what was answered.
        cells: Means over seeds, [tables, W, 3].
        apart: Mean absolute difference from the printed cells.
    """

    answers: Mapping[str, str]
    cells: np.ndarray
    apart: float


def judged(reading: Reading, tables: Sequence[TableResults], printed: np.ndarray) -> list[Judged]:
    """Every way of measuring of one reading's tables.

    Args:
        reading: Which.
        tables: Made with `measured_every_way`, as many as printed ones.
        printed: [tables, W, 3].
    """
    own = {
        name: str(getattr(reading.settings, name)) for name in ("spread", "correlation", "scale", "estimator")
    }
    own |= {name: str(getattr(reading, name)) for name in ("epochs", "batch", "lr", "unimodal")}
    found = []
    for measurement, changes in MEASUREMENTS.items():
        told = np.stack([cells(one, measurement) for one in tables])
        found.append(Judged({**own, **changes}, told, float(np.abs(told - printed).mean())))
    return found


def effects(every: Sequence[Judged]) -> list[tuple[str, str, float, float]]:
    """Of each answer to each open point: how far it alone moves a cell, and how near one comes with it.

    Args:
        every: All readings, the literal one first.

    Returns:
        Point, answer, mean absolute difference of cells from the literal reading's when only this answer is
        another, least `Judged.apart` of all readings with this answer.
    """
    literal, rows = every[0], []
    for point in literal.answers:
        for answer in dict.fromkeys(one.answers[point] for one in every):
            alone = dict(literal.answers) | {point: answer}
            moved = next(one for one in every if one.answers == alone)
            nearest = min(one.apart for one in every if one.answers[point] == answer)
            rows.append((point, answer, float(np.abs(moved.cells - literal.cells).mean()), nearest))
    return rows


def cells(results: TableResults, measurement: str) -> np.ndarray:
    """Means over seeds, [W, 3], of a table made by `measured_every_way`."""
    columns = [results.figures[f"{measurement}: {column}"] for column in COLUMNS]
    means: np.ndarray = np.asarray(columns, dtype=float).mean(-1).T
    return means
