"""Many prompts at once: waiting overlaps with drawing, failures stay alone, budget and Ctrl-C stop it."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Sequence

import pytest
from PIL import Image

from tasvir.bench.runner import Ended, PromptRunner, Task
from tasvir.errors import BudgetError, ReplyError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.records import Layout, Picture, Prompt, Usage

LAYOUT = {"objects": [{"phrase": "a car", "box": [0.1, 0.5, 0.4, 0.8]}]}


class Slow(Guide):
    """Answers after a while; scores 5 at once; prompts can ask for trouble."""

    name = "slow"
    waits = True

    def __init__(self, seconds: float = 0.0, budget: int | None = None) -> None:
        self.seconds = seconds
        self.budget = budget
        self.asked: list[str] = []

    def reply(self, request: Request, *, seed: int) -> str:
        self.asked.append(request.skill)
        if self.budget is not None and len(self.asked) > self.budget:
            raise BudgetError("spent")
        time.sleep(self.seconds)
        self.usage += Usage(calls=1, seconds=self.seconds)
        if "broken" in request.prompt.text:
            return "no layout at all"
        if request.skill == "judge":
            return json.dumps({"reasoning": "fine", "score": 5, "missing": []})
        return json.dumps(LAYOUT)


class Painter(Generator):
    """Takes its time for each picture."""

    name = "painter"
    native_size = (16, 16)

    def __init__(self, seconds: float = 0.0, interrupt_at: int | None = None) -> None:
        self.seconds = seconds
        self.drawn = 0
        self.interrupt_at = interrupt_at

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        assert threading.current_thread() is threading.main_thread()
        time.sleep(self.seconds * len(prompts))
        self.drawn += len(prompts)
        if self.interrupt_at is not None and self.drawn >= self.interrupt_at:
            self.interrupt_at = None
            raise KeyboardInterrupt
        buffer = io.BytesIO()
        Image.new("RGB", settings.size).save(buffer, "PNG")
        return [Picture(buffer.getvalue(), *settings.size, {"seed": seed}) for seed in seeds]


def tasks(*texts: str) -> list[Task]:
    return [Task(f"{i}", Prompt(text), i) for i, text in enumerate(texts)]


def run(guide: Guide, painter: Painter, todo: list[Task], at_once: int = 4) -> tuple[list[Ended], object]:
    ended: list[Ended] = []
    runner = PromptRunner(guide, None, painter, {"rounds": 2}, at_once=at_once, batch=4)
    stopped = runner.run(todo, ended.append, lambda task, event: None)
    return ended, stopped


def test_every_prompt_ends_with_its_own_trace_and_its_own_costs() -> None:
    ended, stopped = run(Slow(), Painter(), tasks("a car", "a bus", "a dog"))
    assert stopped is None
    assert sorted((e.task.id, e.trace.prompt.text, e.trace.seed) for e in ended if e.trace) == [
        ("0", "a car", 0), ("1", "a bus", 1), ("2", "a dog", 2)
    ]  # fmt: skip
    assert [e.trace.usage.calls for e in ended if e.trace] == [3, 3, 3]  # plan, revise, judge


def test_waiting_overlaps_with_waiting_and_with_drawing() -> None:
    """12 prompts of 3 calls of 0.1 s and a picture of 0.05 s: 4.2 s one after the other."""
    start = time.perf_counter()
    ended, _ = run(Slow(0.1), Painter(0.05), tasks(*["a car"] * 12), at_once=12)
    assert len(ended) == 12
    assert time.perf_counter() - start < 2.1


def test_a_failing_prompt_fails_alone() -> None:
    ended, stopped = run(Slow(), Painter(), tasks("a car", "broken", "a dog"))
    assert stopped is None
    failed = [e for e in ended if e.error]
    assert [e.task.id for e in failed] == ["1"] and isinstance(failed[0].error, ReplyError)
    assert {e.trace.finished for e in ended if e.trace and not e.error} == {"good"}
    told = failed[0].trace
    assert told is not None and (told.usage.calls, told.repairs) == (3, 2)  # paid for, though in vain


def test_a_used_up_budget_begins_nothing_new() -> None:
    guide = Slow(budget=4)
    ended, stopped = run(guide, Painter(), tasks(*["a car"] * 9), at_once=1)
    assert isinstance(stopped, BudgetError)
    assert [(e.task.id, type(e.error).__name__) for e in ended] == [("0", "NoneType"), ("1", "BudgetError")]
    assert len(guide.asked) == 5


def test_ctrl_c_ends_what_is_on_its_way_as_interrupted() -> None:
    ended: list[Ended] = []
    runner = PromptRunner(Slow(0.02), None, Painter(interrupt_at=3), {}, at_once=3, batch=1)
    with pytest.raises(KeyboardInterrupt):
        runner.run(tasks(*["a car"] * 9), ended.append, lambda task, event: None)
    states = [e.trace.finished for e in ended if e.trace]
    assert "interrupted" in states and len(states) < 9
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prompt-")]


def test_a_mistake_in_a_callback_is_raised_here() -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    runner = PromptRunner(Slow(), None, Painter(), {}, at_once=2)
    with pytest.raises(OSError, match="no space"):
        runner.run(tasks("a car", "a bus", "a dog"), lambda ended: None, full_disk)
