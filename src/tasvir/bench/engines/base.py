"""What an engine is: it draws jobs and tells what came of them; who tells the store is not its affair."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tasvir.bench.drawing import Result, Wish
from tasvir.bench.models import BenchModel
from tasvir.results import Speed


@dataclass(frozen=True, slots=True)
class Job:
    """What one column still lacks under one setting.

    Args:
        model: The column.
        sweep: As cells have it; see `tasvir.results.Cell.settings`.
        settings: How to draw: arguments of `DrawSettings`.
        batches: Wishes that are drawn together. Which are, hangs on what was asked and not on what is there
            already, so that a run that was stopped draws the very same pictures.
        batch: Most pictures drawn at once.
        timed: Its speed is not known yet.
    """

    model: BenchModel
    sweep: dict[str, Any]
    settings: dict[str, Any]
    batches: tuple[tuple[Wish, ...], ...]
    batch: int
    timed: bool = False

    @property
    def wishes(self) -> list[Wish]:
        return [wish for wishes in self.batches for wish in wishes]

    def with_batches(self, batches: Sequence[Sequence[Wish]]) -> Job:
        """The same for other wishes."""
        return replace(self, batches=tuple(map(tuple, batches)))


class Sink(Protocol):
    """Who takes what an engine brings; called in one thread alone."""

    def begin(self, job: Job, what: str) -> None:
        """Say what is being done now, in words."""

    def keep(self, job: Job, results: Sequence[Result]) -> None:
        """Keep pictures, and why there is none."""

    def speed(self, speed: Speed) -> None:
        """Keep how fast a model was."""

    def say(self, text: str) -> None:
        """Tell the user."""

    def undisturbed(self) -> AbstractContextManager[None]:
        """Nothing else works on this machine while the block lasts, so that times mean something."""


class Engine(ABC):
    """Base of engines."""

    @abstractmethod
    def run(self, jobs: Sequence[Job], sink: Sink) -> None:
        """Draw all wishes of all jobs; a wish that fails is told and fails alone.

        Raises:
            KeyboardInterrupt: Ctrl-C; what was drawn has been told.
        """

    def close(self) -> None:
        """Let go of models and machines."""
        return
