"""A table from plan to results: trained, measured, kept; begun again after a kill it goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.lab.multimodal.experiments.results import PICTURES, RESULTS, TableResults, read_results
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.stack_training import StackTask, train_stack
from tasvir.lab.training.checkpoints import check_writable
from tasvir.lab.training.loop import Report
from tasvir.lab.training.training_record import commit, versions

PLAN = "plan.json"
CHECKPOINTS = ("network.safetensors", "optimizer.safetensors")
"""Not needed any more once the results are there."""


@dataclass(frozen=True)
class Measured:
    """What was measured of S models.

    Args:
        figures: Of each figure its values [S].
        higher: Figures of which more is better.
        pictures: Tensors for the page, by name.
    """

    figures: Mapping[str, Tensor]
    higher: tuple[str, ...] = ()
    pictures: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One table to be made.

    Args:
        experiment: "gaussians" or "image-label".
        expert: A name of kind "lab.experts".
        data: As `open_data` reads it; "gaussians" of the Gaussians.
        weightings: Names of the task's weightings, the classical one first.
        protocol: Whatever the figures depend on, for the record.
        task: The stack and its data.
        measure: Measures it when it is trained.
    """

    experiment: str
    expert: str
    data: str
    weightings: tuple[str, ...]
    protocol: Mapping[str, Any]
    task: StackTask
    measure: Callable[[StackedVAE], Measured]

    @property
    def name(self) -> str:
        """Of its folder."""
        return table_name(self.experiment, self.expert, self.data)

    def identity(self) -> dict[str, Any]:
        """What a table that is gone on with must agree to."""
        found = {
            "experiment": self.experiment,
            "expert": self.expert,
            "data": self.data,
            "weightings": self.weightings,
            "seeds": self.task.model.seeds,
            "protocol": self.protocol,
        }
        plain: dict[str, Any] = json.loads(json.dumps(found))
        return plain


def table_name(experiment: str, expert: str, data: str) -> str:
    """Of a table's folder: image-label-poe-mnist; of a path its last part."""
    last = Path(data.partition(":")[2]).name or data
    parts = [experiment, expert] + ([last] if last != experiment else [])
    return "-".join(part.replace(":", "-") for part in parts)


def run_table(
    plan: Plan,
    root: Path,
    *,
    threads: int | None = None,
    report: Report | None = None,
    on_trained: Callable[[], None] | None = None,
) -> TableResults:
    """Make a table, or go on with it, or hand out what is there.

    Args:
        plan: What.
        root: Its folder comes into it.
        threads: CPU threads, None = torch's choice.
        report: See `tasvir.lab.training.loop.fit`.
        on_trained: Called when the training is over and the measuring begins.

    Raises:
        SettingError: The folder holds a table of another plan.
        RecordError, OutputError, NotFiniteError, KeyboardInterrupt: See `tasvir.lab.training.loop.fit`.
    """
    folder = root / plan.name
    _agree(plan, folder)
    if (folder / RESULTS).exists():
        return read_results(folder)
    train_stack(plan.task, folder, threads=threads, report=report)
    if on_trained is not None:
        on_trained()
    trained = float(json.loads((folder / "state.json").read_text("utf-8"))["elapsed"])
    began = time.monotonic()
    measured = plan.measure(plan.task.model)
    results = _results(plan, measured, {"training": trained, "measuring": time.monotonic() - began})
    if measured.pictures:
        _keep(measured.pictures, folder / PICTURES)
    results.write(folder)
    for name in CHECKPOINTS:
        (folder / name).unlink(missing_ok=True)
    return results


def _agree(plan: Plan, folder: Path) -> None:
    """Refuse a folder of another plan; write down what is begun."""
    path, wanted = folder / PLAN, plan.identity()
    if not path.exists():
        check_writable(folder)
        part = path.with_suffix(".part")
        try:
            part.write_text(json.dumps(wanted, indent=2), "utf-8")
            part.replace(path)
        except OSError as problem:
            raise OutputError(f"cannot write {path} ({problem}): make room there") from problem
        return
    try:
        held: dict[str, Any] = {**json.loads(path.read_text("utf-8"))}
    except (OSError, ValueError, TypeError) as problem:
        raise RecordError(f"{path} cannot be read ({problem}): name another folder with --out") from problem
    unlike = [key for key in wanted if held.get(key) != wanted[key]]
    if unlike:
        told = "; ".join(f"{key}: {held.get(key)} there, {wanted[key]} asked" for key in unlike)
        raise SettingError(f"{folder} holds another table ({told}): ask the same, or name another --out")


def _results(plan: Plan, measured: Measured, seconds: Mapping[str, float]) -> TableResults:
    stack, model = plan.task.stack, plan.task.model
    grid = (len(model.weightings), len(model.seeds))

    def by_row(values: Tensor) -> Any:
        return values.detach().cpu().double().unflatten(-1, grid).tolist()

    return TableResults(
        experiment=plan.experiment,
        expert=plan.expert,
        data=plan.data,
        protocol=plan.protocol,
        modalities=[one.name for one in model.modalities],
        weightings=plan.weightings,
        seeds=model.seeds,
        figures={name: by_row(values) for name, values in measured.figures.items()},
        higher=measured.higher,
        history=by_row(stack.history),
        curve=by_row(stack.curve),
        seconds=seconds,
        versions=versions(),
        commit=commit(),
    )


def _keep(pictures: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, whole or not at all.

    Raises:
        OutputError: They cannot be written.
    """
    part = path.with_suffix(".part")
    try:
        save_file({name: one.contiguous().cpu() for name, one in pictures.items()}, part)
        part.replace(path)
    except (OSError, SafetensorError) as problem:
        raise OutputError(f"cannot write {path} ({problem}): make room there") from problem
