"""One training loop for every embedded model: resumable, seeded, on CPU or GPU; its curve goes to disk.

What a step sees depends on (seed, step) alone, so a run that was stopped and resumed sees the same data as
one that was not. The learning rate warms up, holds, and decays to zero over the last part of the budget,
which is given in steps or minutes. Checkpoints are safetensors and JSON; the weights that ship are the
exponential moving average.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tasvir.errors import RecordError, SettingError, WeightsError

DTYPES = ("auto", "float32", "bfloat16")

READY = "state.json.ready"
"""Name of the state of a checkpoint that is wholly written but not yet in place."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What one training command was asked.

    Args:
        out: Folder of the run: checkpoint, curve and, at the end, the weights.
        steps: Optimiser steps; the budget unless ``minutes`` ends first.
        minutes: Wall-clock budget over all resumptions; None = no limit.
        batch: Pictures a step; None = the model's default.
        lr: Peak learning rate; None = the model's default.
        seed: Seeds weights, data and noise.
        device: "auto", "cpu", "cuda", ...
        dtype: "auto" (bf16 autocast where the processor has it), "float32" or "bfloat16".
        resume: Go on from the checkpoint in ``out`` instead of refusing to overwrite it.
        threads: CPU threads; None = torch's choice.
        start: Weights to begin from (a file written by an earlier run), or None.
        vae: Folder of a trained autoencoder; None = the shipped one.
        pipeline: Folder of a trained generator; None = the shipped one.

    Raises:
        SettingError: A number out of its range, or an unknown dtype.
    """

    out: Path
    steps: int = 100_000
    minutes: float | None = None
    batch: int | None = None
    lr: float | None = None
    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    resume: bool = False
    threads: int | None = None
    start: Path | None = None
    vae: Path | None = None
    pipeline: Path | None = None

    def __post_init__(self) -> None:
        for name, what in (("steps", "1 or more"), ("batch", "1 or more"), ("threads", "1 or more")):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name} is {value}: give {what}")
        for name in ("minutes", "lr"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SettingError(f"{name} is {value}: give a number above 0")
        if self.seed < 0:
            raise SettingError(f"seed is {self.seed}: give 0 or more")
        if self.dtype not in DTYPES:
            raise SettingError(f"dtype is {self.dtype!r}: give one of {', '.join(DTYPES)}")


class Task(Protocol):
    """What a model brings to the loop."""

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


def fit(task: Task, settings: TrainSettings, report: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Train until the budget is spent; returns the run's folder.

    Args:
        task: Network, data and loss.
        settings: Budget, seeds, device.
        report: Called about every two seconds with the step, the share of the budget and the smoothed
            figures.

    Raises:
        RecordError: ``out`` already holds a run and ``resume`` was not asked, or its checkpoint is of another
            model or cannot be read.
        WeightsError: ``settings.start`` cannot be read.
    """
    torch.set_flush_denormal(True)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    run = _Run(task, settings)
    try:
        while run.progress() < 1.0:
            run.step_once()
            run.report_when_due(report)
    finally:
        run.save()
    task.network().load_state_dict(run.average)
    task.finish(settings.out)
    return settings.out


class _Run:
    """The state of one run: optimiser, average, clock."""

    def __init__(self, task: Task, settings: TrainSettings) -> None:
        self.task, self.settings = task, settings
        self.batch = settings.batch or task.batch
        self.network = task.network()
        if settings.start is not None:
            _begin_from(self.network, _weights(settings.start))
        self.optimizers = _optimizers(self.network, settings.lr or task.lr)
        self.average = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        self.step, self.elapsed = 0, 0.0
        self.smooth: dict[str, float] = {}
        self._restore()
        self.noted = self.step
        self.clock = self.last_report = self.last_save = time.monotonic()
        self.device = next(self.network.parameters()).device
        self.autocast = settings.dtype == "bfloat16" or (
            settings.dtype == "auto" and _has_bfloat16(self.device)
        )

    def progress(self) -> float:
        done = self.step / self.settings.steps
        if self.settings.minutes is not None:
            done = max(done, self._seconds() / (60 * self.settings.minutes))
        return done

    def step_once(self) -> None:
        scale = _rate(self.progress(), self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * scale
        rng = np.random.default_rng([self.settings.seed, self.step])
        noise = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            loss, figures = self.task.loss(rng, noise, self.batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._update_average()
        for key, value in figures.items():
            self.smooth[key] = 0.98 * self.smooth.get(key, value) + 0.02 * value

    def _update_average(self) -> None:
        decay = min(0.9995, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[key].lerp_(value, 1 - decay)
                else:
                    self.average[key].copy_(value)

    def report_when_due(self, report: Callable[[dict[str, Any]], None] | None) -> None:
        now = time.monotonic()
        if now - self.last_report >= 2.0 or self.progress() >= 1.0:
            self.last_report = now
            if report is not None:
                report({"progress": min(self.progress(), 1.0), **self._line()})
            if now - self.last_save >= 60.0:
                self.save()

    def _line(self) -> dict[str, Any]:
        """A point of the curve."""
        return {
            "step": self.step,
            "pictures": self.step * self.batch,
            "minutes": round(self._seconds() / 60, 3),
            **{key: round(value, 5) for key, value in self.smooth.items()},
        }

    def save(self) -> None:
        """Checkpoint, and add a point to the curve if there is a new one.

        All files are written beside, the state last. Once the state is named as ready they are the checkpoint
        and are renamed one by one; `_restore` renames what a kill left. A kill before leaves the former one.
        """
        self.elapsed, self.clock = self._seconds(), time.monotonic()
        self.last_save = self.clock
        out = self.settings.out
        out.mkdir(parents=True, exist_ok=True)
        for name, tensors in self._tensors().items():
            whole = {key: value.contiguous().clone() for key, value in tensors.items()}
            save_file(whole, out / f"{name}.part")
        state = {"task": self.task.name, "step": self.step, "elapsed": self.elapsed, "smooth": self.smooth}
        settings = {
            key: str(value) if isinstance(value, Path) else value
            for key, value in asdict(self.settings).items()
        }
        (out / "state.json.part").write_text(json.dumps({**state, "settings": settings}, indent=2), "utf-8")
        (out / "state.json.part").replace(out / READY)
        _put_in_place(out)
        if self.step > self.noted:
            self.noted = self.step
            with (out / "curve.jsonl").open("a", encoding="utf-8") as curve:
                curve.write(json.dumps(self._line()) + "\n")

    def _tensors(self) -> dict[str, Mapping[str, Tensor]]:
        moments = {
            f"{index}/{position}/{key}": value
            for index, optimizer in enumerate(self.optimizers)
            for position, state in optimizer.state_dict()["state"].items()
            for key, value in state.items()
            if isinstance(value, Tensor)
        }
        return {"network": self.network.state_dict(), "average": self.average, "optimizer": moments}

    def _restore(self) -> None:
        out = self.settings.out
        if not (out / "state.json").exists() and not (out / READY).exists():
            return
        if not self.settings.resume:
            raise RecordError(
                f"{out} already holds a run: add --resume to go on, or name another folder with --out"
            )
        _put_in_place(out)
        try:
            self._take(json.loads((out / "state.json").read_text("utf-8")), out)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
            raise RecordError(
                f"the checkpoint in {out} cannot be read ({problem}): name another folder with --out"
            ) from problem

    def _take(self, state: Mapping[str, Any], out: Path) -> None:
        if state["task"] != self.task.name:
            raise RecordError(f"{out} holds a run of {state['task']!r}, not of {self.task.name!r}")
        self.network.load_state_dict(load_file(out / "network.safetensors"))
        device = next(self.network.parameters()).device
        average = load_file(out / "average.safetensors")
        self.average = {key: value.to(device) for key, value in average.items()}
        self._restore_moments(load_file(out / "optimizer.safetensors"))
        self.step, self.elapsed, self.smooth = state["step"], state["elapsed"], state["smooth"]

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


def _begin_from(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Take over the weights whose name and shape fit; the rest keep their fresh values."""
    own = network.state_dict()
    network.load_state_dict(
        {
            key: weights[key] if key in weights and weights[key].shape == value.shape else value
            for key, value in own.items()
        }
    )


def _optimizers(network: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of transformer blocks (those in a module named ``blocks``), AdamW for the rest.

    Muon (Jordan, 2024) orthogonalises the momentum of a matrix; its step is scaled to AdamW's root mean
    square.

    Raises:
        SettingError: The network has such matrices and this torch has no Muon (it came with 2.9).
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (matrices if parameter.ndim == 2 and "blocks." in name else others).append(parameter)
    adam = torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)
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


def _rate(progress: float, step: int) -> float:
    """Share of the peak rate: 100 steps of warm-up, then constant, then a cosine to zero from 40 % on."""
    warm = min(1.0, (step + 1) / 100)
    late = max(0.0, (progress - 0.4) / 0.6)
    return warm * (0.5 + 0.5 * math.cos(math.pi * min(late, 1.0)))


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and "avx512_bf16" in _cpu_flags()


def _cpu_flags() -> str:
    info = Path("/proc/cpuinfo")
    return info.read_text("utf-8") if info.exists() else ""


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise WeightsError(
            f"weights to begin from cannot be read: {path} ({problem}); give a .safetensors file"
        ) from problem
    return tensors


def _put_in_place(out: Path) -> None:
    """Rename the parts of a checkpoint that is ready; without one do nothing."""
    if not (out / READY).exists():
        return
    for name in ("network", "average", "optimizer"):
        part = out / f"{name}.part"
        if part.exists():
            part.replace(out / f"{name}.safetensors")
    (out / READY).replace(out / "state.json")
