"""Families side by side on the same data: each fitted with the same budget, sampled and measured; resumable.

A fitted family is opened, not fitted again; what was measured is read, not measured again. A run that was
stopped goes on where the loop's last checkpoint was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from tasvir.errors import NotFiniteError, OutputError, SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.base import Family
from tasvir.lab.families.keeping import FAMILY, FitCost, read_kept
from tasvir.lab.families.measuring import Eyes, Likelihood, Look, Modes, likelihood_of
from tasvir.lab.training.settings import LoopSettings

PLAN, MEASURED, SAMPLES = "plan.json", "measured.json", "samples.safetensors"

OnReport = Callable[[str, dict[str, Any]], None]
"""Takes the family's folder name and what the loop reports."""


@dataclass(frozen=True)
class Plan:
    """What a comparison does.

    Args:
        out: Folder; each fit has one of its own in it.
        minutes: Of training a fit; None = ``steps`` alone.
        steps: Of training a fit, at most.
        seeds: One fit each.
        number: Samples to look at.
        held_out: Examples whose likelihood is asked, at most.
        resume: Go on with fits that are there, and take over finished ones.
        threads: CPU threads; None = torch's choice.

    Raises:
        SettingError: Too few samples, examples or seeds.
    """

    out: Path
    minutes: float | None = 0.4
    steps: int = 1_000_000
    seeds: tuple[int, ...] = (0,)
    number: int = 2000
    held_out: int = 500
    resume: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.number < 20 or self.held_out < 2:
            raise SettingError(
                f"{self.number} samples and {self.held_out} held out: give 20 or more and 2 or more"
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SettingError(f"seeds {list(self.seeds)}: give one or more, each once")


@dataclass(frozen=True)
class Row:
    """A family of a seed, as measured.

    Args:
        family: Its name.
        seed: Of its fit and samples.
        source: Who proposed it.
        options: What it was made with.
        cost: What the fit took.
        drawn: How many samples were drawn together.
        evaluations: Runs of a network for them.
        seconds: Wall time for the samples.
        look: What they look like; None where they did not come out.
        likelihood: None with a reason.
        no_likelihood: Why.
        failed: Why the fit or the samples came to nothing.
    """

    family: str
    seed: int
    source: str
    options: dict[str, Any]
    cost: FitCost | None = None
    drawn: int | None = None
    evaluations: int | None = None
    seconds: float | None = None
    look: Look | None = None
    likelihood: Likelihood | None = None
    no_likelihood: str | None = None
    failed: str | None = None

    @property
    def seconds_a_thousand(self) -> float | None:
        """Wall time of a thousand samples, drawn together."""
        return None if self.seconds is None or self.drawn is None else 1000 * self.seconds / self.drawn


def compare(
    families: Sequence[Family], data: Data, eyes: Eyes, plan: Plan, report: OnReport | None = None
) -> Iterator[Row]:
    """Fit, sample and measure one family after another, every seed of each.

    Args:
        families: Made, not fitted; each of another name.
        data: What they are fitted to, and measured against.
        eyes: Of the same data.
        plan: Budget and place.
        report: Told of training on the way.

    Raises:
        SettingError: Two families of one name, one that does not take such data, or a fit in ``out`` that was
            begun with other settings.
        RecordError, OutputError, KeyboardInterrupt: See `Family.fit`; it can be gone on with.
    """
    called = [family.name for family in families]
    if len(set(called)) < len(called):
        raise SettingError(f"families {', '.join(called)}: name each once")
    for family in families:
        if data.kind not in family.kinds:
            raise SettingError(
                f"{family.name} learns {' and '.join(family.kinds)}, and {data.name} are {data.kind}"
            )
    _agree(plan, data)
    for family in families:
        for seed in plan.seeds:
            yield _row(family, data, eyes, plan, seed, report)


def _agree(plan: Plan, data: Data) -> None:
    """What is in the folder was fitted to the same data within the same budget; note both in an empty one."""
    asked = {"data": data.name, "minutes": plan.minutes, "steps": plan.steps}
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        begun = json.loads((plan.out / PLAN).read_text("utf-8")) if (plan.out / PLAN).exists() else None
    except (OSError, ValueError) as problem:
        raise OutputError(f"{plan.out} cannot be used ({problem}): name another folder") from problem
    if begun is None:
        _write(plan.out / PLAN, asked)
    elif begun != asked:
        raise SettingError(f"{plan.out} holds a comparison of {begun}, not of {asked}: name another folder")


def folder_of(family: str, seed: int, out: Path) -> Path:
    """Where the fit of a family with a seed is."""
    return out / f"{family}-seed-{seed}"


def _row(family: Family, data: Data, eyes: Eyes, plan: Plan, seed: int, report: OnReport | None) -> Row:
    folder = folder_of(family.name, seed, plan.out)
    row = Row(family.name, seed, family.source, family.options())
    asked = {"number": plan.number, "held_out": plan.held_out}
    if _is_fitted(folder, plan):
        cost = family.open(folder, data)
        kept = _measured(folder, asked)
        if kept is not None:
            return kept
    else:
        settings = LoopSettings(
            folder, plan.steps, plan.minutes, seed=seed, resume=plan.resume, threads=plan.threads
        )
        try:
            cost = family.fit(data, settings, None if report is None else _named(report, folder.name))
        except NotFiniteError as problem:
            return replace(row, failed=str(problem))
    row = _measure(family, data, eyes, plan, replace(row, cost=cost), folder)
    _write(folder / MEASURED, {"asked": asked, "row": asdict(row)})
    return row


def _is_fitted(folder: Path, plan: Plan) -> bool:
    return plan.resume and (folder / FAMILY).exists() and read_kept(folder).cost is not None


def _named(report: OnReport, name: str) -> Callable[[dict[str, Any]], None]:
    return lambda row: report(name, row)


def _measure(family: Family, data: Data, eyes: Eyes, plan: Plan, row: Row, folder: Path) -> Row:
    try:
        family.sample(2, row.seed)  # the first run of a network takes longer than others
        drawn = family.sample(plan.number, row.seed)
    except NotFiniteError as problem:
        return replace(row, failed=str(problem))
    if not bool(torch.isfinite(drawn.x).all()):
        return replace(row, failed="some samples are NaN or infinite")
    likelihood, silent = _asked(family, data.test[: plan.held_out], row.seed)
    try:
        save_file({"x": drawn.x.contiguous()}, folder / SAMPLES)
    except (OSError, SafetensorError) as problem:
        raise OutputError(f"cannot write to {folder} ({problem}): make room, then go on") from problem
    return replace(
        row,
        drawn=len(drawn.x),
        evaluations=drawn.evaluations,
        seconds=drawn.seconds,
        look=eyes.look(drawn.x),
        likelihood=likelihood,
        no_likelihood=silent,
    )


def _asked(family: Family, x: Tensor, seed: int) -> tuple[Likelihood | None, str | None]:
    """What a family says of examples, or why it says nothing."""
    try:
        bound = family.log_prob(x, seed)
    except NotFiniteError as problem:
        return None, str(problem)
    return (None, family.no_likelihood) if bound is None else (likelihood_of(bound), None)


def _measured(folder: Path, asked: dict[str, Any]) -> Row | None:
    """What was measured before of the same fit; None where nothing was, or otherwise."""
    try:
        kept = json.loads((folder / MEASURED).read_text("utf-8"))
        return read_row(kept["row"]) if kept["asked"] == asked else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_row(told: dict[str, Any]) -> Row:
    """A row of its JSON.

    Raises:
        KeyError, TypeError: It is none.
    """
    look, said, cost = told["look"], told["likelihood"], told["cost"]
    if look is not None:
        look = Look(**{**look, "modes": None if look["modes"] is None else Modes(**look["modes"])})
    return Row(
        **{
            **told,
            "cost": None if cost is None else FitCost(**cost),
            "look": look,
            "likelihood": None if said is None else Likelihood(**said),
        }
    )


def _write(file: Path, told: dict[str, Any]) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
        part.replace(file)
    except OSError as problem:
        raise OutputError(f"cannot write to {file.parent} ({problem}): make room, then go on") from problem
