"""What a run of the laboratory is: method, data, options, seeds; kept as config.json beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from tasvir.errors import RecordError, SettingError
from tasvir.lab.data.base import Data, Kind

CONFIG, WEIGHTS = "config.json", "weights.safetensors"


@dataclass(frozen=True)
class DataFacts:
    """What a trained model must know of its data to be opened without them; see `Data`."""

    kind: Kind
    shape: tuple[int, ...]
    classes: int | None
    levels: int | None
    deviation: float | None
    """None for tokens."""

    @classmethod
    def of(cls, data: Data) -> DataFacts:
        """Of data that are there."""
        deviation = None if data.kind == "tokens" else data.deviation
        return cls(data.kind, data.shape, data.classes, data.levels, deviation)

    def stand_in(self, name: str) -> Data:
        """Data of no example."""
        empty = torch.zeros(0, *self.shape, dtype=torch.int64 if self.kind == "tokens" else torch.float32)
        labels = None if self.classes is None else torch.zeros(0, dtype=torch.int64)
        deviation = float("nan") if self.deviation is None else self.deviation
        return Data(name, self.kind, empty, empty, labels, labels, self.classes, self.levels, deviation)


@dataclass(frozen=True)
class RunConfig:
    """How a run was begun, and when it is over, what came of it.

    Args:
        method: A name of kind "lab.methods".
        data: As `open_data` reads it.
        size: Side of the pictures of a folder, None elsewhere.
        options: Of the method and its network.
        teacher: Folder of the run that it learns from, None without.
        seed: Of weights, batches and noise.
        batch: Examples a step.
        lr: Peak learning rate.
        average_decay: Of the averaged weights.
        decay_from: Share of the budget from which on the rate falls.
        facts: What is known of the data.
        versions: Of Python and of the packages that the numbers depend on.
        commit: Of the checkout, None outside of one.
        weights_sha256: Of the finished weights; None while training goes on.
    """

    method: str
    data: str
    size: int | None
    options: dict[str, Any]
    teacher: str | None
    seed: int
    batch: int
    lr: float
    average_decay: float
    decay_from: float
    facts: DataFacts
    versions: dict[str, str]
    commit: str | None
    weights_sha256: str | None = None

    def write(self, folder: Path) -> None:
        """Put it into a run's folder, whole or not at all.

        Raises:
            OSError: The folder cannot be written.
        """
        part = folder / f"{CONFIG}.part"
        part.write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")
        part.replace(folder / CONFIG)


def read_config(folder: Path) -> RunConfig:
    """How a run was begun.

    Raises:
        RecordError: There is no run, or its config.json is damaged.
    """
    try:
        read = json.loads((folder / CONFIG).read_text("utf-8"))
        facts = read.pop("facts")
        known = {field.name for field in fields(RunConfig)} - {"facts"}
        if not isinstance(read["options"], dict) or read.keys() - known:
            raise ValueError("entries that are not known")
        return RunConfig(**read, facts=DataFacts(**{**facts, "shape": tuple(facts["shape"])}))
    except FileNotFoundError as problem:
        raise RecordError(
            f"{folder} holds no run of the laboratory (it has no {CONFIG}): train one with `tasvir lab train`"
        ) from problem
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise RecordError(
            f"{folder / CONFIG} is damaged ({problem!r}): train again with another --out"
        ) from problem


def settled(
    out: Path, stored: RunConfig | None, asked: Mapping[str, Any], default: Mapping[str, Any]
) -> dict[str, Any]:
    """What a run goes by: what it was begun with, else what is asked, else the default.

    Args:
        out: The run's folder, for messages.
        stored: How the run was begun; None = it begins now.
        asked: By the names of `RunConfig`; None = nothing is asked.
        default: For all that is not asked of a run that begins now.

    Raises:
        SettingError: Something else is asked than the run was begun with.
    """
    result = {}
    for name, value in asked.items():
        begun = default.get(name) if stored is None else getattr(stored, name)
        if stored is not None and value is not None and value != begun:
            raise SettingError(
                f"{name} is {value}, but the run in {out} was begun with {begun}: leave it out to go on, or "
                "begin another run with another --out"
            )
        result[name] = begun if value is None else value
    return result
