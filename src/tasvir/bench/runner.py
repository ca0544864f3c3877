"""Many prompts through the loop at once: guides are waited for in threads, pictures are drawn in this one.

A prompt that fails (its service, its reply, its layout) fails alone. A used-up budget and Ctrl-C stop the
whole run: what is on its way is brought to its end or to a valid interrupted trace, and nothing new begins.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasvir import pipeline
from tasvir.errors import BudgetError, TasvirError
from tasvir.generate.base import Generator
from tasvir.generate.kept import KeptGenerator
from tasvir.generate.queue import DrawingQueue
from tasvir.guide.base import Guide
from tasvir.loop import Event
from tasvir.records import Prompt, Trace

_LOOK = 0.02
"""Seconds that the drawing thread waits for a wish before it looks for ended prompts."""


@dataclass(frozen=True, slots=True)
class Task:
    """One prompt of a run.

    Args:
        id: Unique in the run; a folder's name.
        prompt: What to draw.
        seed: What its random draws come from.
        settings: Arguments of the procedure for this prompt alone.
    """

    id: str
    prompt: Prompt
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a task: a trace (finished or interrupted), or why there is none.

    Args:
        task: Which.
        trace: As far as it came; None where nothing was planned.
        error: What stopped it.
    """

    task: Task
    trace: Trace | None
    error: TasvirError | None = None


class PromptRunner:
    """Runs tasks with the same models and switches.

    Args:
        guide, judge, generator: Opened models; judge None asks the guide. A guide is forked for each prompt.
        settings: Further arguments of `tasvir.pipeline.generate`.
        at_once: Prompts on their way at once; more than the calls that a service takes at once, because some
            of them are being drawn.
        batch: Most pictures drawn at once.
        keep: Folder in which drawn pictures are kept, so that going on with a run asks nothing twice.
        procedure: What makes a trace of a prompt; takes what `tasvir.pipeline.generate`, the default, takes.
    """

    def __init__(
        self,
        guide: Guide | str,
        judge: Guide | str | None,
        generator: Generator,
        settings: Mapping[str, Any],
        *,
        at_once: int,
        batch: int = 8,
        keep: Path | None = None,
        procedure: Callable[..., Trace] = pipeline.generate,
    ) -> None:
        self._at_once = at_once
        self._queue = DrawingQueue(generator, batch)
        painter = self._queue if keep is None else KeptGenerator(self._queue, keep)
        self._settings: dict[str, Any] = {"guide": guide, "judge": judge, "generator": painter, **settings}
        self._procedure = procedure
        self._stopping = threading.Event()
        self._todo: queue.Queue[Task] = queue.Queue()
        self._ended: queue.Queue[Ended | BaseException] = queue.Queue()

    def run(
        self,
        tasks: Iterable[Task],
        on_ended: Callable[[Ended], None],
        on_event: Callable[[Task, Event], None],
        on_stopping: Callable[[], None] = lambda: None,
    ) -> BudgetError | None:
        """Run all tasks.

        Args:
            tasks: What to do.
            on_ended: Called in this thread as each task ends.
            on_event: Called in a task's own thread at each step; may save.
            on_stopping: Called in this thread at Ctrl-C, before calls on their way are waited for.

        Returns:
            What stopped the run early, or None where it was done to its end.

        Raises:
            KeyboardInterrupt: Ctrl-C; each trace that was on its way has gone to `on_ended` as interrupted,
                unless a second Ctrl-C cut that short.
        """
        for task in tasks:
            self._todo.put(task)
        count = min(self._at_once, self._todo.qsize())
        threads = [
            threading.Thread(target=self._work, args=(on_event,), daemon=True, name=f"prompt-{i}")
            for i in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            return self._serve(threads, on_ended)
        except BaseException:
            self._stopping.set()
            self._queue.stop()
            on_stopping()
            self._serve(threads, on_ended)  # what is on its way is paid for: its answer is kept
            raise

    def _serve(
        self, threads: list[threading.Thread], on_ended: Callable[[Ended], None]
    ) -> BudgetError | None:
        stopped_by = None
        while any(thread.is_alive() for thread in threads) or not self._ended.empty():
            self._queue.serve(_LOOK)
            while not self._ended.empty():
                ended = self._ended.get()
                if isinstance(ended, BaseException):
                    raise ended
                if isinstance(ended.error, BudgetError):
                    stopped_by = ended.error
                on_ended(ended)
        return stopped_by

    def _work(self, on_event: Callable[[Task, Event], None]) -> None:
        while not self._stopping.is_set():
            try:
                task = self._todo.get_nowait()
            except queue.Empty:
                return
            try:
                self._ended.put(self._one(task, on_event))
            except BaseException as problem:  # a mistake of ours or a full disk: the drawing thread raises it
                self._ended.put(problem)
                return

    def _one(self, task: Task, on_event: Callable[[Task, Event], None]) -> Ended:
        last: Trace | None = None

        def heard(event: Event) -> None:
            nonlocal last
            last = event.trace
            on_event(task, event)
            if self._stopping.is_set() and event.step not in ("finished", "failed"):
                raise KeyboardInterrupt

        try:
            trace = self._procedure(
                task.prompt, seed=task.seed, on_event=heard, **self._settings, **task.settings
            )
        except TasvirError as problem:
            if isinstance(problem, BudgetError):
                self._stopping.set()
            return Ended(task, last, problem)
        return Ended(task, trace)
