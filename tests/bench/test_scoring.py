"""Scoring beside drawing: in batches, in many threads where it waits, never twice, never lost."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from tasvir.bench.scoring import Opened, Scorer, Shown
from tasvir.bench.set_scoring import score_sets
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import CellRow
from tasvir.errors import BudgetError, ServiceError
from tasvir.records import Picture, Score, SetScore, SuitePrompt
from tasvir.score.base import Metric, SetMetric


class Slow(Metric):
    """Takes its time; some prompts ask for trouble."""

    name: ClassVar[str] = "slow"
    batch = 4

    def __init__(self, seconds: float = 0.0, waits: bool = False, budget: int | None = None) -> None:
        self.seconds, self.waits, self.budget = seconds, waits, budget
        self.calls: list[int] = []
        self.threads: set[str] = set()

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        self.calls.append(len(prompts))
        self.threads.add(threading.current_thread().name)
        time.sleep(self.seconds)
        if self.budget is not None and len(self.calls) > self.budget:
            raise BudgetError("spent")
        if any("silent" in prompt.text for prompt in prompts):
            raise ServiceError("no answer")
        if any("bug" in prompt.text for prompt in prompts):
            raise ZeroDivisionError
        return [Score(self.name, 1.0) for _ in prompts]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(tmp_path / "run") as opened:
        yield opened


def shown(store: RunStore, *texts: str) -> list[Shown]:
    found = []
    for index, text in enumerate(texts):
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4), (index, len(text), 0)).save(buffer, "PNG")
        found.append(Shown(store.add_picture(f"{index}{text}", buffer.getvalue()), SuitePrompt("p", text)))
    return found


def scorer(metric: Metric, store: RunStore, at_once: int = 8) -> tuple[Scorer, list[tuple[str, int, str]]]:
    told: list[tuple[str, int, str]] = []
    return Scorer([Opened.of(metric)], store, lambda *what: told.append(what), at_once), told


def scores(store: RunStore) -> int:
    return int(store._select("SELECT count(*) FROM scores")[0][0])


def test_pictures_are_scored_in_batches_and_never_twice(store: RunStore) -> None:
    metric = Slow()
    working, told = scorer(metric, store)
    pictures = shown(store, *["a dog"] * 6)
    assert working.put(pictures) == {"slow": 6}
    assert working.put(pictures) == {"slow": 0}
    working.finish()
    assert sorted(metric.calls) == [2, 4] and scores(store) == 6
    assert sum(count for _, count, _ in told) == 6
    again, _ = scorer(metric, store)
    assert again.put(pictures) == {"slow": 0}
    again.finish()
    assert len(metric.calls) == 2


def test_what_waits_is_asked_many_at_once(store: RunStore) -> None:
    metric = Slow(0.2, waits=True)
    working, _ = scorer(metric, store, at_once=8)
    start = time.perf_counter()
    working.put(shown(store, *["a dog"] * 16))
    working.finish()
    assert time.perf_counter() - start < 1.6  # 3.2 s one after the other
    assert metric.calls == [1] * 16 and scores(store) == 16


def test_one_failure_takes_no_other_along(store: RunStore) -> None:
    working, told = scorer(Slow(), store)
    working.put(shown(store, "a dog", "silent", "a cat"))
    working.finish()
    assert scores(store) == 2
    assert [row.reason for row in store.failures()] == ["ServiceError: no answer"]
    assert ("slow", 0, "ServiceError: no answer") in told


def test_a_used_up_budget_ends_a_metric_and_not_the_run(store: RunStore) -> None:
    working, told = scorer(Slow(budget=1), store)
    working.put(shown(store, *["a dog"] * 12))
    working.finish()
    assert scores(store) == 4 and store.failures() == []
    assert ("slow", 0, "spent") in told


def test_nothing_computes_while_times_are_taken(store: RunStore) -> None:
    metric, waiting = Slow(), Slow(waits=True)
    told: list[tuple[str, int, str]] = []
    waiting.name = "waiting"  # type: ignore[misc]
    working = Scorer([Opened.of(metric), Opened.of(waiting)], store, lambda *what: told.append(what))
    with working.undisturbed():
        working.put(shown(store, *["a dog"] * 8))
        for _ in range(100):
            if len(waiting.calls) == 8:
                break
            time.sleep(0.02)
        assert metric.calls == [] and len(waiting.calls) == 8
    working.finish()
    assert sum(metric.calls) == 8


class Largest(SetMetric):
    """Looks at two pictures at a time."""

    name: ClassVar[str] = "largest"

    def measure_set(self, pictures: Sequence[Picture]) -> SetScore:
        parts = [pictures[start : start + 2] for start in range(0, len(pictures), 2)]
        return SetScore(self.name, float(max(one.width for part in parts for one in part)), len(pictures))


def test_a_set_is_read_as_it_is_looked_at_and_a_damaged_picture_of_it_is_made_again(store: RunStore) -> None:
    pictures = [each.picture for each in shown(store, "a dog", "a cat", "a car")]
    cells = [
        CellRow("s", str(n), "m", 0, {}, f"{n}{text}") for n, text in enumerate(("a dog", "a cat", "a car"))
    ]
    said: list[str] = []
    score_sets([Opened.of(Largest())], store, cells, said.append)
    assert store._select("SELECT value, n FROM set_scores") == [(4.0, 3)] and said == []
    path = store.files.path(pictures[2])
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    other = Largest()
    other.version = 2  # type: ignore[misc]
    score_sets([Opened.of(other)], store, cells, said.append)
    assert len(said) == 1 and "is damaged" in said[0]
    assert store.has_pictures([cell.key for cell in cells]) == {"0a dog", "1a cat"}
    assert ("2a car", "draw") in [(row.key, row.what) for row in store.failures()]


def test_a_mistake_of_a_metric_ends_the_run(store: RunStore) -> None:
    working, _ = scorer(Slow(), store)
    working.put(shown(store, "a bug"))
    with pytest.raises(ZeroDivisionError):
        working.finish()


def test_ctrl_c_waits_for_what_is_paid_and_not_for_what_computes(store: RunStore) -> None:
    computing, _ = scorer(Slow(3.0), store)
    computing.put(shown(store, *["a dog"] * 4))
    start = time.perf_counter()
    computing.stop(0.1)
    assert time.perf_counter() - start < 2.0
    paid = Slow(0.3, waits=True)
    waiting, _ = scorer(paid, store)
    waiting.put(shown(store, "a cat", "a cat"))
    while not paid.calls:
        time.sleep(0.01)
    waiting.stop(0.0)
    assert scores(store) == len(paid.calls)
