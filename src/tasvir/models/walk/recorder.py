"""Watches one call of a pipeline: tensors at its seams, and the seconds between them.

Methods are wrapped on the instances alone and put back when the context ends, also by an exception. Nothing
that is recorded draws random numbers or writes into the model's tensors, so the picture is the unwatched one.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.walk.attention import AttentionSum
from tasvir.models.walk.family import Family
from tasvir.models.walk.measures import signal_share

KEPT_SIDE = 128
"""Longest side to which a decoder stage's features are kept."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the denoiser: its input and predictions [C, H, W] on the CPU, and its own seconds."""

    timestep: float
    given: Tensor
    text: Tensor
    empty: Tensor | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that is done: the call, the guided prediction, and the latents before and after it."""

    call: Call
    guided: Tensor
    before: Tensor
    after: Tensor
    signal: float


@dataclass(frozen=True, slots=True)
class PassedStage:
    """A stage of the decoder that is done."""

    name: str
    layer: str
    shape: tuple[int, ...]
    seconds: float
    features: Tensor


class Recorder:
    """Everything that `watching` saw.

    Args:
        family: The pipeline and its seams.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.text: Tensor | None = None
        self.passed: list[Passed] = []
        self.stages: list[PassedStage] = []
        self.attention = AttentionSum()
        self.layers = 0
        self.reading = [0.0] * len(family.readers)
        self.decoding = 0.0
        self.recording = 0.0
        self._cells = (0, 0)
        self._pending: list[Call] = []
        self._mark = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record what the pipeline does while the context is open; one call of it."""
        family = self.family
        with ExitStack() as stack:
            for number, (reader, method) in enumerate(family.readers):
                stack.enter_context(wrapped(reader, method, functools.partial(self._read, number)))
            stack.enter_context(wrapped(family.denoiser, "forward", self._denoise))
            stack.enter_context(wrapped(family.pipeline.scheduler, "step", self._step))
            stack.enter_context(wrapped(family.pipeline.vae, "decode", self._decode))
            for name, stage in family.stages:
                hook = stage.register_forward_hook(functools.partial(self._stage, name))
                stack.callback(hook.remove)
            self.layers = stack.enter_context(family.watch(self.attention, lambda: self._cells, self._aside))
            yield

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Time in here is the recording's."""
        start = self._now()
        yield
        self.recording += self._now() - start

    def _now(self) -> float:
        if self.family.pipeline.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def _read(self, number: int, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        start = self._now()
        result = call(*arguments, **named)
        self.reading[number] += self._now() - start
        return result

    def _denoise(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        given = inspect.signature(call).bind(*arguments, **named).arguments
        latents, timestep, text = (given[name] for name in self.family.arguments)
        self._cells = (latents.shape[-2], latents.shape[-1])
        start, aside = self._now(), self.recording
        result = call(*arguments, **named)
        seconds = self._now() - start - (self.recording - aside)
        with self._aside():
            row = self.family.text_row
            predicted = _kept(result[0] if isinstance(result, tuple) else result)
            if self.text is None:
                self.text = _kept(text)[row]
            self._pending = [
                Call(
                    float(torch.as_tensor(timestep).flatten()[0]),
                    _kept(latents)[0],
                    predicted[row],
                    predicted[-1 - row] if len(predicted) > 1 else None,
                    seconds,
                )
            ]
        return result

    def _step(
        self, call: Callable[..., Any], predicted: Any, timestep: Any, sample: Any, **named: Any
    ) -> Any:
        with self._aside():
            before, guided = _kept(sample)[0], _kept(predicted)[0]
        result = call(predicted, timestep, sample, **named)
        with self._aside():
            after = _kept(result[0] if isinstance(result, tuple) else result.prev_sample)[0]
            signal = signal_share(self.family.pipeline.scheduler, float(timestep))
            self.passed.append(Passed(self._pending.pop(), guided, before, after, signal))
        return result

    def _decode(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._mark = start = self._now()
        aside = self.recording
        result = call(*arguments, **named)
        self.decoding += self._now() - start - (self.recording - aside)
        return result

    def _stage(self, name: str, module: nn.Module, _: tuple[Any, ...], output: Tensor) -> None:
        seconds = self._now() - self._mark
        with self._aside():
            features = output.detach().float()
            rows, columns = features.shape[-2:]
            shrink = max(rows, columns) / KEPT_SIDE
            if shrink > 1:
                size = (max(1, int(rows / shrink)), max(1, int(columns / shrink)))
                features = F.adaptive_avg_pool2d(features, size)
            shape = tuple(output.shape[1:])
            self.stages.append(PassedStage(name, type(module).__name__, shape, seconds, _kept(features)[0]))
        self._mark = self._now()


def _kept(tensor: Tensor) -> Tensor:
    """A copy on the CPU in single precision, which nothing that follows can change."""
    return tensor.detach().to("cpu", torch.float32, copy=True)


@contextmanager
def wrapped(owner: Any, name: str, around: Callable[..., Any]) -> Iterator[None]:
    """Calls of ``owner.name`` go to ``around(call, ...)``; as it was before afterwards."""
    own = vars(owner).get(name)
    call = getattr(owner, name)

    @functools.wraps(call)  # pipelines look at the signature
    def passing(*arguments: Any, **named: Any) -> Any:
        return around(call, *arguments, **named)

    setattr(owner, name, passing)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)
