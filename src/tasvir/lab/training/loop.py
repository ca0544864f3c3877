"""One training loop for every network: resumable, seeded, on CPU or GPU; its curve goes to disk.

What a step sees depends on (seed, step) alone, so a run that was stopped and resumed sees the same data as
one that was not. The learning rate warms up, holds, and decays to zero over the last part of the budget,
which is given in steps or minutes. Checkpoints are safetensors and JSON; what is finished is the
exponential moving average of the weights.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tasvir.errors import NotFiniteError, OutputError, SettingError
from tasvir.lab.training.checkpoints import (
    READY,
    UNREADABLE,
    agreed,
    begin_from,
    check_writable,
    put_in_place,
    stored_state,
    unreadable,
)
from tasvir.lab.training.settings import LoopSettings, Recipe
from tasvir.lab.training.stopping import deferred_interrupt
from tasvir.lab.training.training_record import commit, constants, note, versions

Report = Callable[[dict[str, Any]], None]

OnTheWay = Callable[[int, float, Mapping[str, Tensor]], None]
"""Takes the step just done, the seconds so far and the averaged weights; called after every step."""

PLAIN = Recipe()
"""What the embedded models are trained by."""

CURVE_POINTS = 200
"""The curve has some so many points, and one for every checkpoint."""

_BLOCK = re.compile(r"\b(blocks|layers?)\.\d")
"""Names of parameters in a transformer block: ours, and those of transformers."""


class Task(Protocol):
    """What a model brings to the loop; the constants of its module are kept as its recipe."""

    name: str
    lr: float
    batch: int

    def network(self) -> nn.Module:
        """The network whose parameters are trained."""

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss on fresh data drawn from ``rng`` and ``noise``, and figures for the curve."""

    def finish(self, out: Path) -> None:
        """Write the final weights and the card's figures from the averaged network."""


def fit(
    task: Task,
    settings: LoopSettings,
    report: Report | None = None,
    *,
    recipe: Recipe = PLAIN,
    on_the_way: OnTheWay | None = None,
    final: str | None = None,
) -> Path:
    """Train until the budget is spent; returns the run's folder.

    Args:
        task: Network, data and loss.
        settings: Budget, seeds, device.
        report: Called once with how many tensors of ``settings.start`` fitted, and about every two seconds
            with the step, the share of the budget and the smoothed figures.
        recipe: Rates, average, clipping.
        on_the_way: What else to do after a step; its time counts.
        final: Folder in the run's folder whose figures shall say, too, how the model came to be.

    Raises:
        RecordError: ``out`` already holds a run and ``resume`` was not asked, or its checkpoint is of another
            model or cannot be read, or nothing in ``settings.start`` fits.
        SettingError: A resumed run was begun with another seed, batch or lr.
        WeightsError: ``settings.start`` cannot be read.
        OutputError: ``out`` cannot be written.
        NotFiniteError: The loss or its gradient became NaN or infinite.
        KeyboardInterrupt: Ctrl-C; the checkpoint is of the last whole step.
    """
    torch.set_flush_denormal(True)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    code = {"versions": versions(), "commit": commit()}  # of what is loaded now, not of hours later
    run = _Run(task, settings, recipe)
    if report is not None and run.fitted is not None:
        report({"progress": 0.0, "step": 0, "fitted": run.fitted, "of": len(run.average)})
    run.train(report, on_the_way)
    task.network().load_state_dict(run.average)
    try:
        task.finish(settings.out)
        note(settings.out, final, {**run.record(), **code})
    except (OSError, SafetensorError) as problem:
        raise run.unwritable("the finished weights", problem) from problem
    return settings.out


class _Run:
    """The state of one run: optimiser, average, clock."""

    def __init__(self, task: Task, settings: LoopSettings, recipe: Recipe = PLAIN) -> None:
        self.task, self.settings, self.recipe, out = task, settings, recipe, settings.out
        state = stored_state(out, task.name, settings.resume)
        asked = {name: getattr(settings, name) for name in ("seed", "batch", "lr")}
        self.begun_with = agreed(out, state, asked, {"batch": task.batch, "lr": task.lr})
        self.batch: int = self.begun_with["batch"]
        self.network = task.network()
        self.fitted: int | None = None
        if settings.start is not None and state is None:
            self.fitted = begin_from(self.network, settings.start)
        self.optimizers = _optimizers(self.network, self.begun_with["lr"], recipe.fused)
        own = self.network.state_dict()
        self.average = own if not recipe.average_decay else {k: v.detach().clone() for k, v in own.items()}
        self.step, self.elapsed = 0, 0.0
        self.smooth: dict[str, float] = {}
        if state is not None:
            self._restore(state)
        check_writable(out)
        self.saved = None if state is None else self.step
        self.points: list[dict[str, Any]] = []
        self.buffers: dict[str, Tensor] = {}  # before a step, while it goes on
        self.noted, self.noted_at = self.step, 0.0
        self.clock = self.last_report = self.last_save = time.monotonic()
        self.device = next(self.network.parameters()).device
        self.autocast = settings.dtype == "bfloat16" or (
            settings.dtype == "auto" and _has_bfloat16(self.device)
        )

    def train(self, report: Report | None, on_the_way: OnTheWay | None) -> None:
        """Steps until the budget is spent or Ctrl-C; the checkpoint is written whatever ends it."""
        with deferred_interrupt() as stopping:
            try:
                while self.progress() < 1.0 and not stopping():
                    self.step_once()
                    self.report_when_due(report)
                    if on_the_way is not None:
                        on_the_way(self.step, self._seconds(), self.average)
            except OutputError:
                raise  # trying to write once more would only hide why
            except BaseException:
                self._undo_half_a_step()
                self.save()
                raise
            self.save()
            if self.progress() < 1.0:
                raise KeyboardInterrupt

    def progress(self) -> float:
        done = self.step / self.settings.steps
        if self.settings.minutes is not None:
            done = max(done, self._seconds() / (60 * self.settings.minutes))
        return done

    def step_once(self) -> None:
        self.buffers = {name: one.clone() for name, one in self.network.named_buffers()}
        scale = _rate(self.progress(), self.step, self.recipe)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * scale
        rng = np.random.default_rng([self.settings.seed, self.step])
        noise = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            loss, figures = self.task.loss(rng, noise, self.batch)
        loss.backward()
        norm = loss.detach()
        if math.isfinite(self.recipe.gradient_clip):
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.gradient_clip)
        if not torch.isfinite(norm):
            other = ", or with --dtype float32" if self.autocast else ""
            raise NotFiniteError(
                f"the gradient at step {self.step} is NaN or infinite (loss {loss.item():g}): begin again "
                f"in another folder with a lower --lr{other}"
            )
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._update_average()
        for key, value in figures.items():
            self.smooth[key] = 0.98 * self.smooth.get(key, value) + 0.02 * value
        self.buffers.clear()

    def _undo_half_a_step(self) -> None:
        """Buffers as they were before a step that was not finished: a loss may have written to them."""
        self.network.load_state_dict(self.buffers, strict=False)

    def _update_average(self) -> None:
        if not self.recipe.average_decay:
            return  # the average is the network
        decay = min(self.recipe.average_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[key].lerp_(value, 1 - decay)
                else:
                    self.average[key].copy_(value)

    def report_when_due(self, report: Report | None) -> None:
        now = time.monotonic()
        if now - self.last_report >= 2.0 or self.progress() >= 1.0:
            self.last_report = now
            if report is not None:
                report({"progress": min(self.progress(), 1.0), **self._line()})
            if self.progress() - self.noted_at >= 1 / CURVE_POINTS:
                self._note()
            if now - self.last_save >= 60.0:
                self.save()

    def _note(self) -> None:
        """Add a point to the curve if there is a new one; it is written with the next checkpoint."""
        if self.step > self.noted:
            self.noted, self.noted_at = self.step, self.progress()
            self.points.append(self._line())

    def _line(self) -> dict[str, Any]:
        """A point of the curve."""
        return {
            "step": self.step,
            self.recipe.examples: self.step * self.batch,
            "minutes": round(self._seconds() / 60, 3),
            **{key: round(value, 5) for key, value in self.smooth.items()},
        }

    def record(self) -> dict[str, Any]:
        """How the network came to be, for its figures; the recipe holds the constants of loop and model."""
        start = self.settings.start
        own = sys.modules[type(self.task).__module__]
        numbers = {key.upper(): value for key, value in asdict(self.recipe).items() if key != "examples"}
        if math.isinf(self.recipe.gradient_clip):
            numbers["GRADIENT_CLIP"] = None
        return {
            "parameters": sum(parameter.numel() for parameter in self.network.parameters()),
            self.recipe.examples: self.step * self.batch,
            "steps": self.step,
            "minutes": round(self.elapsed / 60, 2),
            **self.begun_with,
            "begun_from": None if start is None else start.name,
            "device": self.device.type,
            "precision": "bfloat16" if self.autocast else "float32",
            "recipe": {**numbers, **constants(own)},
            "losses": {key: round(value, 5) for key, value in self.smooth.items()},
        }

    def save(self) -> None:
        """Checkpoint, and the curve so far.

        Raises:
            OutputError: The disk is full or the folder gone; the checkpoint before is whole.
        """
        self.elapsed, self.clock = self._seconds(), time.monotonic()
        self.last_save = self.clock
        try:
            self._write(self.settings.out)
        except (OSError, SafetensorError) as problem:
            raise self.unwritable("the checkpoint", problem) from problem
        self.saved = self.step

    def unwritable(self, what: str, problem: Exception) -> OutputError:
        last = (
            "there is no earlier one" if self.saved is None else f"that of step {self.saved} there is whole"
        )
        return OutputError(
            f"{what} cannot be written to {self.settings.out} ({problem}): make room or mend the folder, "
            f"then go on with --resume from the last checkpoint ({last})"
        )

    def _write(self, out: Path) -> None:
        """All files are written beside, the state last. Once the state is named as ready they are the
        checkpoint and are renamed one by one; `stored_state` renames what a kill left. A kill before leaves
        the former one.
        """
        out.mkdir(parents=True, exist_ok=True)
        for name, tensors in self._tensors().items():
            whole = {key: value.contiguous().clone() for key, value in tensors.items()}
            save_file(whole, out / f"{name}.part")
        state = {"task": self.task.name, "step": self.step, "elapsed": self.elapsed, "smooth": self.smooth}
        settings = {
            key: str(value) if isinstance(value, Path) else value
            for key, value in asdict(self.settings).items()
        }
        whole_state = {**state, "settings": settings, "begun_with": self.begun_with}
        (out / "state.json.part").write_text(json.dumps(whole_state, indent=2), "utf-8")
        (out / "state.json.part").replace(out / READY)
        put_in_place(out)
        self._note()
        with (out / "curve.jsonl").open("a", encoding="utf-8") as curve:
            curve.writelines(json.dumps(point) + "\n" for point in self.points)
        self.points.clear()

    def _tensors(self) -> dict[str, Mapping[str, Tensor]]:
        moments = {
            f"{index}/{position}/{key}": value
            for index, optimizer in enumerate(self.optimizers)
            for position, state in optimizer.state_dict()["state"].items()
            for key, value in state.items()
            if isinstance(value, Tensor)
        }
        averages = {"average": self.average} if self.recipe.average_decay else {}
        return {"network": self.network.state_dict(), **averages, "optimizer": moments}

    def _restore(self, state: Mapping[str, Any]) -> None:
        out = self.settings.out
        try:
            self.network.load_state_dict(load_file(out / "network.safetensors"))
            device = next(self.network.parameters()).device
            if self.recipe.average_decay:
                average = load_file(out / "average.safetensors")
                self.average = {key: value.to(device) for key, value in average.items()}
            self._restore_moments(load_file(out / "optimizer.safetensors"))
            self.step, self.elapsed, self.smooth = state["step"], state["elapsed"], state["smooth"]
        except UNREADABLE as problem:
            raise unreadable(out, problem) from problem

    def _restore_moments(self, moments: Mapping[str, Tensor]) -> None:
        for index, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in moments.items():
                owner, position, key = name.split("/")
                if int(owner) == index:
                    state.setdefault(int(position), {})[key] = value
            whole = optimizer.state_dict()
            optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})

    def _seconds(self) -> float:
        return self.elapsed + (time.monotonic() - self.clock if hasattr(self, "clock") else 0.0)


def _optimizers(network: nn.Module, lr: float, fused: bool = False) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of transformer blocks (see `_BLOCK`), AdamW for the rest.

    Muon (Jordan, 2024) orthogonalises the momentum of a matrix; its step is scaled to AdamW's root mean
    square.

    Raises:
        SettingError: The network has such matrices and this torch has no Muon (it came with 2.9).
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (matrices if parameter.ndim == 2 and _BLOCK.search(name) else others).append(parameter)
    adam = torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=0.0, fused=fused)
    optimizers: list[torch.optim.Optimizer] = [adam]
    if matrices:
        if not hasattr(torch.optim, "Muon"):
            raise SettingError(
                f"training needs torch 2.9 or newer (found {torch.__version__}); drawing does not"
            )
        optimizers.append(
            torch.optim.Muon(matrices, lr=lr, momentum=0.95, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = lr
    return optimizers


def _rate(progress: float, step: int, recipe: Recipe = PLAIN) -> float:
    """Share of the peak rate: warm-up, then constant, then a cosine to zero over what is left."""
    warm = min(1.0, (step + 1) / max(recipe.warm_up_steps, 1))
    left = 1 - recipe.decay_from
    late = max(0.0, (progress - recipe.decay_from) / left) if left > 0 else 0.0
    return warm * (0.5 + 0.5 * math.cos(math.pi * min(late, 1.0)))


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and "avx512_bf16" in _cpu_flags()


def _cpu_flags() -> str:
    info = Path("/proc/cpuinfo")
    return info.read_text("utf-8") if info.exists() else ""
