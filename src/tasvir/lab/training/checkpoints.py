"""Reading what a run left behind: its state, what it agrees to go on with, and weights to begin from."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tasvir.errors import OutputError, RecordError, SettingError, WeightsError

READY = "state.json.ready"
"""Name of the state of a checkpoint that is wholly written but not yet in place."""

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)
"""What comes up when a checkpoint's files are damaged."""


def check_writable(out: Path) -> None:
    """Make the run's folder and try to write there, before hours of training.

    Raises:
        OutputError: It cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as probe:
            probe.write(b"room?")
    except OSError as problem:
        raise OutputError(
            f"cannot write to {out} ({problem.strerror or problem}): name another folder with --out"
        ) from problem


def stored_state(out: Path, task: str, resume: bool) -> dict[str, Any] | None:
    """The state of the run in ``out``, its files all in place; None if there is no run.

    Raises:
        RecordError: There is one and ``resume`` was not asked, or it is of another model or damaged.
    """
    if not any(os.path.exists(out / name) for name in ("state.json", READY)):
        return None
    if not resume:
        raise RecordError(
            f"{out} already holds a run: add --resume to go on, or name another folder with --out"
        )
    try:
        put_in_place(out)
        state: dict[str, Any] = json.loads((out / "state.json").read_text("utf-8"))
        held = state["task"]
    except UNREADABLE as problem:
        raise unreadable(out, problem) from problem
    if held != task:
        raise RecordError(f"{out} holds a run of {held!r}, not of {task!r}: name another folder with --out")
    return state


def unreadable(out: Path, problem: BaseException) -> RecordError:
    """The error for a damaged checkpoint."""
    return RecordError(f"the checkpoint in {out} cannot be read ({problem}): name another folder with --out")


def agreed(
    out: Path, state: Mapping[str, Any] | None, asked: Mapping[str, Any], recipe: Mapping[str, Any]
) -> dict[str, Any]:
    """The seed, batch and lr to go on with: what the run was begun with, else what was asked.

    Args:
        out: The run's folder, for messages.
        state: What `stored_state` gave.
        asked: The three settings; None = as the run was begun, or the recipe's.
        recipe: The model's own batch and lr.

    Raises:
        SettingError: Something else is asked than the run was begun with.
    """
    kept = {**(state or {}).get("settings", {}), **(state or {}).get("begun_with", {})}
    result = {}
    for name, value in asked.items():
        # None in a state of before "begun_with" was written means the recipe's; no key at all, not known
        stored = recipe.get(name) if name in kept and kept[name] is None else kept.get(name)
        if value is not None and stored is not None and value != stored:
            raise SettingError(
                f"{name} is {value}, but the run in {out} was begun with {stored}: go on with "
                f"--{name} {stored}, or begin another run with another --out"
            )
        result[name] = next(given for given in (value, stored, recipe.get(name)) if given is not None)
    return result


def put_in_place(out: Path) -> None:
    """Rename the parts of a checkpoint that is ready; without one do nothing."""
    if not (out / READY).exists():
        return
    for name in ("network", "average", "optimizer"):
        part = out / f"{name}.part"
        if part.exists():
            part.replace(out / f"{name}.safetensors")
    (out / READY).replace(out / "state.json")


def begin_from(network: nn.Module, path: Path) -> int:
    """Take over the weights whose name and shape fit; the rest keep their fresh values.

    Returns:
        How many tensors were taken over.

    Raises:
        WeightsError: The file cannot be read.
        RecordError: Nothing in it fits.
    """
    try:
        weights = _tensors_of(path)
    except (OSError, SafetensorError) as problem:
        raise WeightsError(
            f"weights to begin from cannot be read: {path} ({problem}); give a .safetensors file "
            "or the folder of a pipeline"
        ) from problem
    own = network.state_dict()
    fitting = {key for key, value in own.items() if key in weights and weights[key].shape == value.shape}
    if not fitting:
        raise RecordError(
            f"none of the {len(weights)} tensors in {path} fits this model: give --start the "
            "average.safetensors of a run of the same model, or leave --start out"
        )
    network.load_state_dict({key: weights[key] if key in fitting else value for key, value in own.items()})
    return len(fitting)


def _tensors_of(path: Path) -> dict[str, Tensor]:
    """Of a file; of a pipeline's folder those of each part, named "part.tensor" as a run names them."""
    if not path.is_dir():
        loaded: dict[str, Tensor] = load_file(path)
        return loaded
    return {
        f"{file.parent.name}.{name}": tensor.float()
        for file in sorted(path.glob("*/*.safetensors"))
        for name, tensor in load_file(file).items()
    }
