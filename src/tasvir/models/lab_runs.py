"""Runs of the laboratory by name: methods, data and devices as a user types them; train one, open one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tasvir import registry
from tasvir.errors import OutputError, SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.data.opening import open_data
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.sampling import gaussian_noise, start
from tasvir.lab.training.checkpoints import check_writable, stored_state
from tasvir.lab.training.configuration import DataFacts, RunConfig, read_config, settled
from tasvir.lab.training.loop import Report
from tasvir.lab.training.model_training import recipe_of, train_model
from tasvir.lab.training.opening import open_model
from tasvir.lab.training.settings import LoopSettings
from tasvir.lab.training.training_record import commit, versions
from tasvir.models.devices import pick_device

STEPS = 1_000_000
"""Where minutes are the budget."""
MINUTES = {"points": 1.0, "images": 10.0, "tokens": 5.0, "sphere": 1.0}
"""The budget where none is given."""
BATCH, LR = {"points": 512, "images": 64, "tokens": 64, "sphere": 512}, 2e-3
AVERAGE_DECAY, DECAY_FROM = 0.999, 0.4


@dataclass(frozen=True)
class LabSettings:
    """What one training is asked; None = as the run was begun, else the default.

    Args:
        method: A name of kind "lab.methods".
        out: Folder of the run.
        data: See `open_data`; must be given to begin.
        size: Side of the pictures of a folder.
        options: Of the method and its network.
        teacher: Folder of a finished run to learn from.
        steps: Budget in steps.
        minutes: Budget in minutes.
        batch: Examples a step.
        lr: Peak learning rate.
        seed: Of weights, batches and noise.
        average_decay: Of the averaged weights.
        decay_from: Share of the budget from which on the rate falls.
        device: See `pick_device`.
        dtype: See `LoopSettings`.
        threads: CPU threads.
        resume: Go on.
        look_minutes: Between two pictures of samples; 0 = at the end alone.
    """

    method: str
    out: Path
    data: str | None = None
    size: int | None = None
    options: Mapping[str, Any] | None = None
    teacher: Path | None = None
    steps: int | None = None
    minutes: float | None = None
    batch: int | None = None
    lr: float | None = None
    seed: int | None = None
    average_decay: float | None = None
    decay_from: float | None = None
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    resume: bool = False
    look_minutes: float = 2.0


@dataclass(frozen=True)
class Run:
    """A finished run, opened.

    Args:
        model: With its trained weights.
        method: Which made it.
        config: How it was trained.
        folder: Where it is.
    """

    model: Model
    method: Method
    config: RunConfig
    folder: Path


def open_run(folder: Path, device: str = "auto") -> Run:
    """Open a finished run.

    Raises:
        RecordError: There is none, it is not over, or it is damaged.
        UnknownNameError: Its method is not installed.
        SettingError: The device does not exist here.
    """
    place = pick_device(device)
    config = read_config(folder)
    method = registry.create("lab.methods", config.method, Method)
    return Run(open_model(folder, config, method, place), method, config, folder)


def train(asked: LabSettings, root: Path | None = None, report: Report | None = None) -> Path:
    """Train a model.

    Args:
        asked: What and how.
        root: Folder of downloaded data, see `open_data`.
        report: See `fit`.

    Returns:
        The run's folder.

    Raises:
        UnknownNameError: No such method or data.
        SettingError: Something that cannot be, or not with what the run was begun with.
        RecordError: The folder holds a run already, another one's, or a damaged one.
        OutputError, NotFiniteError, KeyboardInterrupt: See `fit`.
    """
    device = pick_device(asked.device)
    method = registry.create("lab.methods", asked.method, Method)
    state = stored_state(asked.out, asked.method, asked.resume)
    stored = None if state is None else read_config(asked.out)
    named = settled(asked.out, stored, _given(asked, "data", "size"), {})
    if named["data"] is None:
        raise SettingError("say with --data what to learn: 2d:moons, digits, mnist, folder:FOLDER, ...")
    data = open_data(named["data"], root, size=named["size"])
    if data.kind not in method.kinds:
        raise SettingError(
            f"{method.name} learns {' and '.join(method.kinds)}, and {data.name} are {data.kind}"
        )
    config = _config(asked, stored, data, named)
    settings, recipe = _loop_settings(asked, state, config, data), recipe_of(config)
    model = _fresh(method, data, config, device)
    if stored is None:
        _write(config, asked.out)
    return train_model(model, data, config, settings, recipe, look_minutes=asked.look_minutes, report=report)


def _given(asked: LabSettings, *names: str) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in names}


def _config(asked: LabSettings, stored: RunConfig | None, data: Data, named: dict[str, Any]) -> RunConfig:
    """How the run is begun, or was."""
    default: dict[str, Any] = {"options": {}, "seed": 0, "batch": BATCH[data.kind], "lr": LR}
    default |= {"average_decay": AVERAGE_DECAY, "decay_from": DECAY_FROM}
    given = _given(asked, "seed", "batch", "lr", "average_decay", "decay_from")
    given["options"] = dict(asked.options) if asked.options else None
    given["teacher"] = None if asked.teacher is None else str(asked.teacher.resolve())
    rest = settled(asked.out, stored, given, default)
    facts = DataFacts.of(data)
    if stored is None:
        return RunConfig(
            method=asked.method, **named, **rest, facts=facts, versions=versions(), commit=commit()
        )
    if facts != stored.facts:
        raise SettingError(
            f"{data.name} are not the data that the run in {asked.out} was begun with ({facts}, then "
            f"{stored.facts}): bring those back, or begin another run with another --out"
        )
    return replace(stored, weights_sha256=None)


def _loop_settings(
    asked: LabSettings, state: Mapping[str, Any] | None, config: RunConfig, data: Data
) -> LoopSettings:
    steps, minutes = asked.steps, asked.minutes
    if steps is None and minutes is None:
        kept = (state or {}).get("settings", {})
        steps, minutes = kept.get("steps"), kept.get("minutes", MINUTES[data.kind])
    return LoopSettings(
        out=asked.out,
        steps=STEPS if steps is None else steps,
        minutes=minutes,
        batch=config.batch,
        lr=config.lr,
        seed=config.seed,
        device=asked.device,
        # half precision speeds convolutions and attention up; of points it would blur what is learned
        dtype="float32" if asked.dtype == "auto" and data.kind != "images" else asked.dtype,
        resume=asked.resume,
        threads=asked.threads,
    )


def _fresh(method: Method, data: Data, config: RunConfig, device: torch.device) -> Model:
    """The model with the weights of its seed; the process's own random state stays as it was."""
    known = dict(inspect.signature(method.model).parameters)
    _check_options(method, known, config.options)
    extra: dict[str, Any] = {}
    if config.teacher is not None:
        if "teacher" not in known:
            raise SettingError(
                f"--teacher means nothing to {method.name}, which learns from data alone: drop it"
            )
        extra["teacher"] = open_run(Path(config.teacher), str(device)).model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = method.model(data, **config.options, **extra)
    _check_walk(method, model)
    model.network.to(device).train()
    return model


def _check_walk(method: Method, model: Model) -> None:
    """Refuse options under which no sample could be drawn now, and not when training is over.

    Raises:
        SettingError: The path of the method's own steps cannot be, or does not begin at noise.
    """
    if not isinstance(model, GaussianModel):
        return
    try:
        start((1, *model.shape), model.path(), gaussian_noise(0))
    except SettingError as problem:
        raise SettingError(
            f"with these options of {method.name} no sample could be drawn: {problem}"
        ) from problem


def _check_options(
    method: Method, known: Mapping[str, inspect.Parameter], options: Mapping[str, Any]
) -> None:
    """Refuse options that a method does not have, or of another type than their defaults.

    Raises:
        SettingError: One is.
    """
    own = [name for name, one in known.items() if one.kind is one.KEYWORD_ONLY and name != "teacher"]
    for name, value in options.items():
        if name not in own:
            if name in known or all(one.kind is not one.VAR_KEYWORD for one in known.values()):
                shown = ", ".join(own) or "none"
                raise SettingError(f"--set {name}=...: {method.name} has no such option; it has: {shown}")
            continue
        default = known[name].default
        number = isinstance(default, int | float) and not isinstance(default, bool)
        if number and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise SettingError(f"--set {name}={value}: {method.name} takes a number there, such as {default}")
        if type(default) is int and (not isinstance(value, int) or value < min(default, 1)):
            least = f"a whole number from {min(default, 1)} on"
            raise SettingError(f"--set {name}={value}: {method.name} takes {least} there, such as {default}")
        if isinstance(default, bool | str) and not isinstance(value, type(default)):
            raise SettingError(f"--set {name}={value}: {method.name} takes something like {default} there")


def _write(config: RunConfig, out: Path) -> None:
    check_writable(out)
    try:
        config.write(out)
    except OSError as problem:
        raise OutputError(
            f"cannot write to {out} ({problem.strerror or problem}): make room there"
        ) from problem
