"""The drawing queue: batches over threads, failures alone, and nobody left waiting."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasvir.errors import SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.generate.queue import DrawingQueue
from tasvir.records import Layout, Picture, Prompt


class Recording(Generator):
    """Remembers its batches; refuses prompts that say so."""

    name = "recording"
    native_size = (32, 16)

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        self.threads.add(threading.get_ident())
        self.batches.append([prompt.text for prompt in prompts])
        if any("refused" in prompt.text for prompt in prompts):
            raise SettingError("this cannot be drawn")
        return [
            Picture(f"{p.text} {s}".encode(), *settings.size, {}) for p, s in zip(prompts, seeds, strict=True)
        ]


def wish(queue: DrawingQueue, text: str, seed: int, steps: int | None = None) -> bytes:
    settings = DrawSettings((32, 16), steps)
    return queue.draw([Prompt(text)], [None], [seed], settings)[0].png


def served(queue: DrawingQueue, count: int) -> None:
    done = 0
    while done < count:
        done += queue.serve(1.0)


def test_what_waits_together_is_drawn_together_in_the_serving_thread() -> None:
    generator = Recording()
    queue = DrawingQueue(generator, batch=4)
    assert (queue.label, queue.native_size, queue.reads_layouts) == ("recording", (32, 16), True)
    with ThreadPoolExecutor(6) as pool:
        results = [pool.submit(wish, queue, f"p{i}", i) for i in range(6)]
        while queue._wishes.qsize() < 6:
            pass
        served(queue, 6)
        assert [result.result() for result in results] == [f"p{i} {i}".encode() for i in range(6)]
    assert [len(batch) for batch in generator.batches] == [4, 2]
    assert generator.threads == {threading.get_ident()}


def test_other_settings_are_another_batch() -> None:
    generator = Recording()
    queue = DrawingQueue(generator)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(wish, queue, f"p{i}", i, 1 + i % 2) for i in range(4)]
        while queue._wishes.qsize() < 4:
            pass
        served(queue, 4)
        assert len([result.result() for result in results]) == 4
    assert {tuple(sorted(batch)) for batch in generator.batches} == {("p0", "p2"), ("p1", "p3")}


def test_one_wrong_picture_spoils_no_other() -> None:
    queue = DrawingQueue(Recording())
    with ThreadPoolExecutor(3) as pool:
        results = [pool.submit(wish, queue, text, 0) for text in ("a", "refused", "b")]
        while queue._wishes.qsize() < 3:
            pass
        served(queue, 3)
        assert (results[0].result(), results[2].result()) == (b"a 0", b"b 0")
        with pytest.raises(SettingError, match="cannot be drawn"):
            results[1].result()


def test_nobody_waits_after_a_stop() -> None:
    queue = DrawingQueue(Recording())
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(wish, queue, "a", 0)
        while queue._wishes.qsize() < 1:
            pass
        queue.stop()
        with pytest.raises(KeyboardInterrupt):
            waiting.result(timeout=5)
        with pytest.raises(KeyboardInterrupt):
            pool.submit(wish, queue, "b", 0).result(timeout=5)
    assert queue.serve(0.01) == 0


def test_a_wish_that_was_taken_and_never_drawn_keeps_nobody_waiting() -> None:
    """Ctrl-C may come between taking a wish and drawing it."""
    queue = DrawingQueue(Recording())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wish, queue, "a", 0)
        queue._wishes.get(timeout=5)
        queue.stop()
        with pytest.raises(KeyboardInterrupt):
            waiting.result(timeout=5)


def test_nothing_is_drawn_after_a_stop() -> None:
    generator = Recording()
    queue = DrawingQueue(generator)
    queue.stop()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(wish, queue, str(i), 0) for i in range(4)]
        assert queue.serve(0.05) == 0
        assert all(isinstance(each.exception(timeout=5), KeyboardInterrupt) for each in waiting)
    assert generator.batches == []
