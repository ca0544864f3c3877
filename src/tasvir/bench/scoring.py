"""Scores a run's pictures beside the drawing: one thread for metrics that compute, many for those that wait.

Pictures are read from the run's folder when their turn comes, so that waiting ones take no memory. Nothing is
scored twice: a score is kept under picture, prompt and recipe.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image

from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import ScoreRow, score_key
from tasvir.errors import BudgetError, RecordError, TasvirError
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.results import MetricInfo
from tasvir.score.base import Measure, Metric, SetMetric, recipe_hash

_LOOK = 0.2
"""Seconds after which a waiting main thread looks whether Ctrl-C was pressed."""
_COMPUTING, _WAITING = "computing", "waiting"
PATIENCE = 2.0
"""Seconds that Ctrl-C waits for a metric that computes; what it would have said is computed again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to be scored: its SHA-256, its prompt, and why it was blocked, if it was."""

    picture: str
    prompt: SuitePrompt
    blocked: str = ""


@dataclass
class Opened:
    """A metric at work, the pictures that wait for it, and why it scores no more, if it does not."""

    metric: Measure
    info: MetricInfo
    queue: deque[Shown] = field(default_factory=deque)
    stopped: str = ""

    @classmethod
    def of(cls, metric: Measure) -> Opened:
        recipe = metric.recipe
        of_sets = isinstance(metric, SetMetric)
        told = metric.higher_is_better, metric.bounds, of_sets
        return cls(metric, MetricInfo(metric.label, recipe, recipe_hash(recipe), *told))

    @property
    def waits(self) -> bool:
        return isinstance(self.metric, Metric) and self.metric.waits

    @property
    def batch(self) -> int:
        """Pictures that it gets at once; one where many calls wait beside each other."""
        return self.metric.batch if isinstance(self.metric, Metric) and not self.waits else 1


class Scorer:
    """Scores what it is given until it is finished.

    Args:
        metrics: Opened; those of sets are left alone.
        store: Where pictures are and scores go.
        on_scored: Called in any thread with a metric's name, how many more are scored, and what failed.
        at_once: Calls on their way at once for each metric that waits.
    """

    def __init__(
        self,
        metrics: Sequence[Opened],
        store: RunStore,
        on_scored: Callable[[str, int, str], None],
        at_once: int = 8,
    ) -> None:
        self._metrics = [one for one in metrics if isinstance(one.metric, Metric)]
        self._store, self._on_scored = store, on_scored
        self._turn = threading.Condition()
        self._known: set[str] = set()
        self._busy = self._computing = 0
        self._held = self._flushing = self._stopping = False
        self._problem: BaseException | None = None
        computing = [one for one in self._metrics if not one.waits]
        groups = [computing] * bool(computing) + [[one] for one in self._metrics if one.waits] * at_once
        self._threads = [
            threading.Thread(
                target=self._work, args=(group,), name=_WAITING if group[0].waits else _COMPUTING, daemon=True
            )
            for group in groups
        ]
        for thread in self._threads:
            thread.start()

    def put(self, shown: Sequence[Shown]) -> dict[str, int]:
        """Score these by all metrics that have not; returns how many that are, by metric."""
        self._raise()
        todo: dict[str, int] = {}
        for one in self._metrics:
            keys = [score_key(each.picture, each.prompt, one.info.recipe_hash) for each in shown]
            done = self._store.has_scores(keys)
            fresh = {
                key: each
                for key, each in zip(keys, shown, strict=True)
                if key not in done and key not in self._known
            }
            self._known |= fresh.keys()
            todo[one.info.name] = len(fresh)
            with self._turn:
                one.queue.extend(fresh.values())
                self._turn.notify_all()
        return todo

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """No metric computes while the block lasts; those that wait for services go on."""
        with self._turn:
            self._held = True
            while self._computing:
                self._turn.wait(_LOOK)
        try:
            yield
        finally:
            with self._turn:
                self._held = False
                self._turn.notify_all()

    def finish(self) -> None:
        """Wait until all is scored.

        Raises:
            KeyboardInterrupt: Ctrl-C; nothing new is begun.
        """
        with self._turn:
            self._flushing = True
            self._turn.notify_all()
            while (self._busy or any(one.queue for one in self._metrics)) and self._problem is None:
                self._turn.wait(_LOOK)
        self.stop()
        self._raise()

    def stop(self, patience: float | None = None) -> None:
        """Begin nothing new and wait for what is on its way: calls of services to their end, for they are
        paid, metrics that compute for so many seconds."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        for thread in self._threads:
            thread.join(patience if thread.name == _COMPUTING else None)

    def _raise(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _work(self, group: Sequence[Opened]) -> None:
        while True:
            with self._turn:
                taken = self._taken(group)
                while taken is None:
                    if self._stopping:
                        return
                    self._turn.wait()
                    taken = self._taken(group)
                self._busy += 1
                self._computing += not taken[0].waits
            try:
                self._score(*taken)
            except BaseException as problem:  # a mistake of ours or of a metric: the main thread raises it
                self._problem, self._stopping = problem, True
            finally:
                with self._turn:
                    self._busy -= 1
                    self._computing -= not taken[0].waits
                    self._turn.notify_all()

    def _taken(self, group: Sequence[Opened]) -> tuple[Opened, list[Shown]] | None:
        """The next pictures of the metric that has most waiting, or None where there is nothing to begin."""
        ready = [one for one in group if self._is_ready(one)]
        if self._stopping or not ready:
            return None
        one = max(ready, key=lambda one: len(one.queue))
        return one, [one.queue.popleft() for _ in range(min(one.batch, len(one.queue)))]

    def _is_ready(self, one: Opened) -> bool:
        enough = len(one.queue) >= one.batch or (self._flushing and bool(one.queue))
        return enough and (one.waits or not self._held)

    def _score(self, one: Opened, shown: Sequence[Shown]) -> None:
        pictures = [(each, picture) for each in shown if (picture := self._picture(one, each)) is not None]
        rows = [
            ScoreRow(each.picture, each.prompt, one.info.recipe_hash, score)
            for each, score in self._measured(one, pictures)
        ]
        rows += [
            ScoreRow(
                each.picture, each.prompt, one.info.recipe_hash, Score(one.info.name, None, each.blocked)
            )
            for each in shown
            if each.blocked
        ]
        self._store.add_scores(rows)
        self._on_scored(one.info.name, len(rows), "")

    def _picture(self, one: Opened, shown: Shown) -> Picture | None:
        if shown.blocked:
            return None
        try:
            png = self._store.read_png(shown.picture)
        except RecordError as problem:
            self._store.forget(shown.picture, f"{type(problem).__name__}: {problem}")
            self._on_scored(one.info.name, 0, str(problem))
            return None
        with Image.open(io.BytesIO(png)) as opened:
            return Picture(png, *opened.size)

    def _measured(self, one: Opened, pictures: Sequence[tuple[Shown, Picture]]) -> list[tuple[Shown, Score]]:
        """Scores; where a batch fails each picture alone, so that one failure takes no other along."""
        if not pictures or one.stopped:
            return []
        assert isinstance(one.metric, Metric)
        try:
            scores = one.metric.measure([shown.prompt for shown, _ in pictures], [p for _, p in pictures])
        except BudgetError as problem:
            one.stopped = str(problem)
            self._on_scored(one.info.name, 0, str(problem))
            return []
        except TasvirError as problem:
            if len(pictures) > 1:
                return [scored for pair in pictures for scored in self._measured(one, [pair])]
            self._fail(one, pictures[0][0], problem)
            return []
        return [(shown, score) for (shown, _), score in zip(pictures, scores, strict=True)]

    def _fail(self, one: Opened, shown: Shown, problem: TasvirError) -> None:
        reason = f"{type(problem).__name__}: {problem}"
        key = score_key(shown.picture, shown.prompt, one.info.recipe_hash)
        self._store.add_failure(key, one.info.name, reason)
        self._on_scored(one.info.name, 0, reason)
