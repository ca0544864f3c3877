"""How a fitted family is kept: family.json beside its weights says what it is and what it cost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.lab.training.configuration import DataFacts

FAMILY = "family.json"


@dataclass(frozen=True)
class FitCost:
    """What a fit took.

    Args:
        seconds: Of wall time, resumptions included; what a kill undid is not counted.
        steps: Of the optimiser.
        examples: Drawn for those steps, with replacement.
        parameters: Numbers that were learnt.
    """

    seconds: float
    steps: int
    examples: int
    parameters: int


@dataclass(frozen=True)
class Kept:
    """A fit in a folder.

    Args:
        family: Its name.
        options: What it was made with.
        data: As `Data.name`.
        facts: What is known of the data.
        seed: Of weights, batches and noise.
        cost: None while it goes on.
    """

    family: str
    options: dict[str, Any]
    data: str
    facts: DataFacts
    seed: int
    cost: FitCost | None = None

    def write(self, folder: Path) -> None:
        """Put it into the folder, whole or not at all.

        Raises:
            OutputError: The folder cannot be written.
        """
        part = folder / f"{FAMILY}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")
            part.replace(folder / FAMILY)
        except OSError as problem:
            raise OutputError(f"cannot write to {folder} ({problem}): name another folder") from problem


def read_kept(folder: Path) -> Kept:
    """What a folder holds.

    Raises:
        RecordError: No fit of a family, or a damaged record.
    """
    try:
        read = json.loads((folder / FAMILY).read_text("utf-8"))
        facts, cost = read.pop("facts"), read.pop("cost")
        told = DataFacts(**{**facts, "shape": tuple(facts["shape"])})
        return Kept(**read, facts=told, cost=None if cost is None else FitCost(**cost))
    except FileNotFoundError as problem:
        raise RecordError(f"{folder} holds no fitted family (it has no {FAMILY})") from problem
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise RecordError(f"{folder / FAMILY} is damaged ({problem!r}): fit into another folder") from problem


def agree(folder: Path, asked: Kept) -> None:
    """See that a fit which is gone on with is the one that is asked for; note one that begins now.

    Raises:
        SettingError: It was begun with another family, data, seed or options.
        RecordError, OutputError: See `read_kept` and `Kept.write`.
    """
    if not (folder / FAMILY).exists():
        asked.write(folder)
        return
    begun = read_kept(folder)
    for name in ("family", "options", "data", "facts", "seed"):
        was, now = getattr(begun, name), getattr(asked, name)
        if was != now:
            raise SettingError(
                f"{name}: {now} is asked, but the fit in {folder} was begun with {was}: name another folder"
            )
