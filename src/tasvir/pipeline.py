"""One prompt through plan, revise, draw, judge and redesign: table 6.1 of the thesis. Read this page first.

    O_0 <- plan(C); repeat O_k <- revise(C, O_{k-1}) until it stays the same, at most K times; I_0 <- draw(C, O)
    for k = 0 .. K:
        R_k <- judge(C, I_k); stop if R_k is good; keep I_k if it is the best so far (ties keep the earlier)
        stop if k = K
        O <- redesign(C, I_k); stop if it is empty, for then picture and prompt agree
        I_{k+1} <- draw(C, O)

K (``rounds``) and the good score (``good``) are its only knobs, so at most K + 1 pictures are drawn and all are judged. The
procedures of chapter 5 are the same loop with switches:

    | table | procedure           | switches                                        | picture shown |
    | 5.1   | layout              | revise=False, judging=False, redesign=False     | the only one  |
    | 5.2   | self-correction     | judging=False, redesign=False                   | the only one  |
    | 5.3   | alignment           | judging=False                                   | the last one  |
    | 5.4   | reasoning alignment | good=5 (all switches on)                        | the best one  |
    | 6.1   | the whole loop      | (all switches on)                               | the best one  |
    | -     | plain text-to-image | guided=False                                    | the only one  |

Two deliberate differences: tables 5.3 and 5.4 start from any picture I_0, ours from the one drawn from the plan; and table 5.4
shows its last picture, ours the best, as 6.1 does.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tasvir import registry
from tasvir.errors import PluginError, SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide
from tasvir.layout import checked, differences
from tasvir.records import Attempt, Layout, Prompt, Trace

MAX_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Event:
    """A step begins ("plan", "revise", "draw", "judge", "redesign") or the loop has ended ("finished").

    Args:
        step: Which step.
        index: Revision number for "revise", else number of the attempt it works for.
        trace: Everything up to here; valid and ready to be saved.
    """

    step: str
    index: int
    trace: Trace


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
    size: tuple[int, int] = (128, 128),
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
        guide: Who plans, revises and redesigns: a plugin's name, or a guide (pass one to reuse it over many prompts).
        judge: Who judges; None asks the guide. Unguided, the picture is judged only if a judge is given.
        generator: Who draws: a plugin's name, or a generator.
        rounds: K, the most revisions and the most redesigns, 1 to 50.
        good: Score at which the loop stops, 1 to 5.
        seed: 0 to 2**32 - 1. Attempt 0 is drawn with it, later ones with seeds derived from it.
        steps, scale, sampler, size: See `DrawSettings`.
        guided: False draws once from the text alone.
        revise, judging, redesign: Switches for ablations, see the table above.
        layout: Draw from this instead of planning and revising.
        on_event: Called as each step begins and at the end.

    Returns:
        The trace. On Ctrl-C it holds what was done so far, with finished = "interrupted".

    Raises:
        UserInputError: A setting, name, prompt or layout is wrong.
        ReplyError: The guide gave no usable reply; the last event holds the trace until then.
    """
    text = prompt if isinstance(prompt, Prompt) else Prompt(prompt)
    _check_numbers(rounds, good, seed)
    if layout is not None and not guided:
        raise SettingError("a layout was given, but guided=False draws without one: drop one of the two")
    if sampler is not None:
        registry.find("samplers", sampler)
    loop = _Loop(
        text,
        guide=_open("guides", guide, Guide) if guided else None,
        judge=_open("guides", judge, Guide) if judge is not None and judging else None,
        generator=_open("generators", generator, Generator),
        draw_settings=DrawSettings(tuple(size), steps, scale, sampler),
        rounds=rounds, good=good, seed=seed, revise=revise, judging=judging, redesign=redesign,
        drafts=[] if layout is None else [checked(layout)[0]],
        on_event=on_event or (lambda event: None),
    )  # fmt: skip
    try:
        loop.finished = loop.run_guided() if guided else loop.run_plain()
        loop.tell("finished", len(loop.attempts))
    except KeyboardInterrupt:
        loop.finished = "interrupted"
    return loop.trace()


@dataclass
class _Loop:
    prompt: Prompt
    guide: Any
    judge: Any
    generator: Any
    draw_settings: DrawSettings
    rounds: int
    good: int
    seed: int
    revise: bool
    judging: bool
    redesign: bool
    drafts: list[Layout]
    on_event: Callable[[Event], None]
    attempts: list[Attempt] = field(default_factory=list)
    finished: str = "interrupted"
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def run_plain(self) -> str:
        """Text-to-image without guidance."""
        self.draw(None)
        if self.judge is not None:
            self.look()
        return "single"

    def run_guided(self) -> str:
        """Table 6.1; returns how it ended."""
        if not self.drafts:
            self.plan()
        self.draw(self.drafts[-1])
        for k in range(self.rounds + 1):
            if self.judging and self.look() >= self.good:
                return "good"
            if not self.redesign:
                return "single"
            if k == self.rounds:
                break
            with self.step("redesign", k + 1):
                layout = self.guide.redesign(self.prompt, self.attempts, seed=attempt_seed(self.seed, k + 1))
            if layout is None:
                return "aligned"
            self.notes += self.guide.notes
            self.draw(layout)
        return "rounds"

    def plan(self) -> None:
        with self.step("plan", 0):
            self.drafts.append(self.guide.plan(self.prompt, seed=self.seed))
        self.notes += self.guide.notes
        for k in range(1, self.rounds + 1 if self.revise else 1):
            with self.step("revise", k):
                seed = attempt_seed(self.seed, k)
                self.drafts.append(self.guide.revise(self.prompt, self.drafts[-1], seed=seed))
            self.notes += self.guide.notes
            if self.drafts[-1] == self.drafts[-2]:
                break

    def draw(self, layout: Layout | None) -> None:
        index = len(self.attempts)
        before = self.attempts[-1].layout if self.attempts else None
        changes = differences(before, layout) if index and layout is not None else ()
        with self.step("draw", index):
            seed = attempt_seed(self.seed, index)
            (picture,) = self.generator.draw([self.prompt], [layout], [seed], self.draw_settings)
        self.attempts.append(
            Attempt(index, layout, picture, changes=(*changes, *self.notes), seconds=self.seconds)
        )
        self.seconds, self.notes = {}, []

    def look(self) -> int:
        """Judge the last picture; returns its score."""
        attempt = self.attempts[-1]
        with self.step("judge", attempt.index):
            judge = self.judge or self.guide
            verdict = judge.judge(self.prompt, attempt.picture, seed=attempt_seed(self.seed, attempt.index))
        seconds = {**attempt.seconds, "judge": self.seconds.pop("judge")}
        self.attempts[-1] = replace(attempt, verdict=verdict, seconds=seconds)
        return int(verdict.score)

    @contextmanager
    def step(self, name: str, index: int) -> Iterator[None]:
        self.tell(name, index)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def tell(self, step: str, index: int) -> None:
        self.on_event(Event(step, index, self.trace()))

    def trace(self) -> Trace:
        settings = {
            "guide": self.guide and self.guide.name,
            "judge": self.judge.name if self.judge else (self.guide.name if self.guide and self.judging else None),
            "generator": self.generator.name,
            **{name: getattr(self, name) for name in ("rounds", "good", "revise", "judging", "redesign")},
            "guided": self.guide is not None,
            **{name: getattr(self.draw_settings, name) for name in ("size", "steps", "scale", "sampler")},
        }
        attempts = tuple(self.attempts)
        return Trace(self.prompt, self.seed, settings, tuple(self.drafts), attempts, best_index(attempts), self.finished)


def best_index(attempts: tuple[Attempt, ...]) -> int | None:
    """The best-judged attempt, the earlier of equals; the last one where none was judged; None where there is none."""
    judged = [attempt for attempt in attempts if attempt.verdict is not None]
    if judged:
        return max(judged, key=lambda attempt: attempt.verdict.score if attempt.verdict else 0).index
    return len(attempts) - 1 if attempts else None


def attempt_seed(seed: int, index: int) -> int:
    """The seed of an attempt: the user's for the first, so that it equals a plain draw's; hashed from both for the rest."""
    digest = hashlib.sha256(f"tasvir attempt {seed} {index}".encode()).digest()
    return seed if index == 0 else int.from_bytes(digest[:4], "big")


def _check_numbers(rounds: int, good: int, seed: int) -> None:
    for name, value, least, most in (
        ("rounds", rounds, 1, MAX_ROUNDS), ("good", good, 1, 5), ("seed", seed, 0, 2**32 - 1),
    ):  # fmt: skip
        if not least <= value <= most:
            raise SettingError(f"{name} is {value}: give {least} to {most}")


def _open(kind: str, choice: Any, base: type) -> Any:
    plugin = registry.load(kind, choice)() if isinstance(choice, str) else choice
    if not isinstance(plugin, base):
        raise PluginError(f"{kind.removesuffix('s')} {choice!r} is no {base.__module__}.{base.__name__}: it must extend that")
    return plugin
