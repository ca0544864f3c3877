"""One prompt through plan, revise, draw, judge and redesign: table 6.1 of the thesis. Read this page first.

    O_0 <- plan(C); repeat O_k <- revise(C, O_{k-1}) until it stays the same, at most K times; I_0 <- draw(C,
    O) for k = 0 .. K:
        R_k <- judge(C, I_k); stop if R_k is good; keep I_k if it is the best so far (ties keep the earlier)
        stop if k = K
        O <- redesign(C, I_k); stop if it is empty, for then picture and prompt agree
        I_{k+1} <- draw(C, O)

K (``rounds``) and the good score (``good``) are its only knobs: K + 1 pictures at most. The procedures of
chapter 5 are the same loop with switches (its 5.3 and 5.4 start from any picture, and 5.4 shows its last):

    | table | procedure           | switches                                    | picture shown |
    | 5.1   | layout              | revise=False, judging=False, redesign=False | the only one  |
    | 5.2   | self-correction     | judging=False, redesign=False               | the only one  |
    | 5.3   | alignment           | judging=False                               | the last one  |
    | 5.4   | reasoning alignment | layout=... or revise=False                  | the best one  |
    | 6.1   | the whole loop      | none                                        | the best one  |
    | -     | plain text-to-image | guided=False                                | the only one  |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from tasvir import registry
from tasvir.errors import SettingError, TasvirError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.generate.samplers import find_sampler
from tasvir.guide.base import Guide
from tasvir.layout import checked, differences
from tasvir.loop import Event, Switches, attempt_seed, best_index, spent
from tasvir.records import Attempt, Layout, Prompt, Trace


def generate(
    prompt: str | Prompt,
    *,
    guide: str | Guide = "embedded",
    judge: str | Guide | None = None,
    generator: str | Generator = "embedded",
    rounds: int = 5,
    good: int = 5,
    seed: int = 0,
    steps: int | None = None,
    scale: float | None = None,
    sampler: str | None = None,
    size: tuple[int, int] | None = None,
    guided: bool = True,
    revise: bool = True,
    judging: bool = True,
    redesign: bool = True,
    layout: Layout | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Trace:
    """Draw a picture of a prompt under guidance, and tell how it came about.

    Args:
        prompt: What to draw, 1 to 200 words.
        guide, generator: Who plans, revises and redesigns, and who draws: a plugin's name, or an instance.
        judge: Who judges; None asks the guide. Unguided, the picture is judged only if a judge is given.
        rounds, good, seed, guided, revise, judging, redesign: See `tasvir.loop.Switches`.
        steps, scale, sampler, size: See `tasvir.generate.base.DrawSettings`; no size = the native one.
        layout: Draw from this instead of planning and revising.
        on_event: Called as each step begins and at the end.

    Returns:
        The trace. On Ctrl-C it holds what was done so far, with finished = "interrupted".
    Raises:
        UserInputError: A setting, name, prompt or layout is wrong.
        ReplyError, ServiceError, BudgetError: No usable reply; the last event holds the trace until then.
    """
    text = Prompt(prompt) if isinstance(prompt, str) else prompt
    switches = Switches(rounds, good, seed, guided, revise, judging, redesign)
    if layout is not None and not guided:
        raise SettingError("a layout was given, but guided=False draws without one: drop one of the two")
    find_sampler(sampler)
    painter = registry.create("generators", generator, Generator)
    if guided and not painter.reads_layouts:
        raise SettingError(f"generator {painter.label!r} reads no layouts: draw unguided, or choose another")
    planner = registry.create("guides", guide, Guide).fork() if guided else None
    loop = _Loop(
        prompt=text,
        switches=switches,
        settings=DrawSettings(size or painter.native_size, steps, scale, sampler),
        guide=planner,
        judge=(registry.create("guides", judge, Guide).fork() if judge else planner) if judging else None,
        generator=painter,
        drafts=[] if layout is None else [checked(layout)[0]],
        layout_given=layout is not None,
        on_event=on_event or (lambda _: None),
    )
    try:
        loop.finished = loop.run_plain() if planner is None else loop.run(planner)
        loop.tell("finished", len(loop.attempts))
    except KeyboardInterrupt:
        loop.finished = "interrupted"
    except TasvirError:
        loop.tell("failed", len(loop.attempts))  # with what the failed step has cost
        raise
    return loop.trace()


@dataclass
class _Loop:
    """The loop's moving parts; `run` is table 6.1."""

    prompt: Prompt
    switches: Switches
    settings: DrawSettings
    guide: Guide | None
    judge: Guide | None
    generator: Generator
    drafts: list[Layout]
    layout_given: bool
    on_event: Callable[[Event], None]
    attempts: list[Attempt] = field(default_factory=list)
    finished: str = "interrupted"
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def run(self, guide: Guide) -> str:
        """Table 6.1; returns how it ended."""
        if not self.drafts:
            self.plan(guide)
        self.draw(self.drafts[-1])
        for k in range(self.switches.rounds + 1):
            if self.judge is not None and self.look(self.judge) >= self.switches.good:
                return "good"
            if not self.switches.redesign:
                return "single"
            if k == self.switches.rounds:
                break
            with self.step("redesign", k + 1):
                layout = guide.redesign(self.prompt, self.attempts, seed=self.seed(k + 1))
            if layout is None:
                return "aligned"
            self.notes += guide.notes
            self.draw(layout)
        return "rounds"

    def run_plain(self) -> str:
        """Text-to-image without guidance."""
        self.draw(None)
        if self.judge is not None:
            self.look(self.judge)
        return "single"

    def plan(self, guide: Guide) -> None:
        """Plan, then revise until the layout stays the same, at most K times."""
        with self.step("plan", 0):
            self.drafts.append(guide.plan(self.prompt, seed=self.seed(0)))
        self.notes += guide.notes
        for k in range(1, self.switches.rounds + 1 if self.switches.revise else 1):
            with self.step("revise", k):
                self.drafts.append(guide.revise(self.prompt, self.drafts[-1], seed=self.seed(k)))
            self.notes += guide.notes
            if self.drafts[-1] == self.drafts[-2]:
                break

    def draw(self, layout: Layout | None) -> None:
        """Draw the next attempt."""
        index = len(self.attempts)
        changes = differences(self.attempts[-1].layout, layout) if index and layout is not None else ()
        with self.step("draw", index):
            picture = self.generator.draw([self.prompt], [layout], [self.seed(index)], self.settings)[0]
        self.attempts.append(Attempt(index, layout, picture, None, (*changes, *self.notes), self.seconds))
        self.seconds, self.notes = {}, []

    def look(self, judge: Guide) -> int:
        """Judge the last picture; returns its score."""
        attempt = self.attempts[-1]
        with self.step("judge", attempt.index):
            verdict = judge.judge(self.prompt, attempt.picture, seed=self.seed(attempt.index))
        seconds = {**attempt.seconds, "judge": self.seconds.pop("judge")}
        self.attempts[-1] = replace(attempt, verdict=verdict, seconds=seconds)
        return verdict.score

    def seed(self, index: int) -> int:
        return attempt_seed(self.switches.seed, index)

    @contextmanager
    def step(self, name: str, index: int) -> Iterator[None]:
        self.tell(name, index)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def tell(self, step: str, index: int) -> None:
        self.on_event(Event(step, index, self.trace()))

    def trace(self) -> Trace:
        models = {"guide": self.guide, "judge": self.judge, "generator": self.generator}
        settings = {name: None if model is None else model.label for name, model in models.items()}
        settings |= asdict(self.switches) | asdict(self.settings) | {"layout_given": self.layout_given}
        told = tuple(self.drafts), tuple(self.attempts), best_index(self.attempts), self.finished
        return Trace(self.prompt, self.switches.seed, settings, *told, *spent(self.guide, self.judge))
