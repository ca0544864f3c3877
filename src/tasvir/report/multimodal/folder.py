"""What a study's folder holds: a folder a table, and what a sensitivity sweep brought."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasvir.errors import RecordError
from tasvir.lab.multimodal.experiments.results import PICTURES, RESULTS, TableResults, read_results
from tasvir.report.multimodal.printed import Key, printed_tables

SENSITIVITY = "sensitivity.json"
SHARED = {"true": 3, "latent_labels": 1}
"""Arrays that all weightings share, and how many axes they have at least."""
Arrays = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Table:
    """One table's folder.

    Args:
        results: Its figures.
        pictures: Its arrays by name; empty where it kept none.
    """

    results: TableResults
    pictures: Arrays

    @property
    def key(self) -> Key:
        return self.results.experiment, self.results.expert, self.results.data

    @property
    def name(self) -> str:
        """Its key for names of files and places: small letters, digits and hyphens, no path."""
        words = "-".join((*self.key[:2], data_name(self.results.data))).lower()
        return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words)


@dataclass(frozen=True, slots=True)
class Change:
    """What came of changing something of the protocol.

    Args:
        changed: Setting -> value; empty of the base.
        figures: Means by name.
    """

    changed: Mapping[str, Any]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Tables, the thesis' first and in its order, and sweeps by the name of the folder they lie in."""

    tables: tuple[Table, ...]
    sweeps: Mapping[str, tuple[Change, ...]]


def data_name(data: str) -> str:
    """ "idx:PATH" with the last part of the path alone."""
    kind, mark, path = data.partition(":")
    return f"{kind}:{path.rstrip('/').rpartition('/')[2]}" if mark else data


def read_folder(folder: Path) -> StudyFolder:
    """A study's tables, or the one table that the folder is.

    Raises:
        RecordError: There is none, one is damaged, or two are of the same experiment, rule and data.
    """
    folders = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())] if folder.is_dir() else []
    tables: dict[Key, Table] = {}
    for place in (one for one in folders if (one / RESULTS).is_file()):
        results = read_results(place)
        table = Table(results, _arrays(place / PICTURES, len(results.weightings)))
        if table.key in tables:
            raise RecordError(
                f"{folder} holds two tables of {' '.join(table.key)}: keep one of them in a study's folder"
            )
        tables[table.key] = table
    if not tables:
        raise RecordError(f"{folder} holds no finished table: run `tasvir lab multimodal` to its end first")
    sweeps = {one.name: _sweep(one / SENSITIVITY) for one in folders if (one / SENSITIVITY).is_file()}
    order = {key: place for place, key in enumerate(printed_tables())}
    ordered = sorted(tables.values(), key=lambda one: order.get(one.key, len(order)))
    return StudyFolder(tuple(ordered), sweeps)


def _arrays(path: Path, weightings: int) -> Arrays:
    """A table's pictures; all but two are of every weighting.

    Raises:
        RecordError: The file cannot be read, or is not of so many weightings.
    """
    if not path.is_file():
        return {}
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = {name: np.asarray(array, dtype=np.float64) for name, array in load_file(path).items()}
        for name, array in found.items():
            least = SHARED.get(name, 3)
            if array.ndim < least or (name not in SHARED and len(array) != weightings):
                raise ValueError(f"{name!r} is {array.shape}, of {weightings} weightings")
        return found
    except (OSError, ValueError, SafetensorError) as problem:
        raise RecordError(
            f"{path} cannot be read ({problem}): remove it and run the table again"
        ) from problem


def _sweep(path: Path) -> tuple[Change, ...]:
    try:
        told = json.loads(path.read_text("utf-8"))
        return tuple(
            Change(
                dict(one["changed"]),
                {name: math.nan if value is None else float(value) for name, value in one["figures"].items()},
            )
            for one in told
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        raise RecordError(
            f"{path} cannot be read ({problem}): remove it and run the sweep again"
        ) from problem
