"""Draws what a column of the matrix is asked for, in this process: plainly in batches, or under its guide."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tasvir import pipeline
from tasvir.bench.methods import best_of
from tasvir.bench.models import BenchModel
from tasvir.bench.runner import Ended, PromptRunner, Task
from tasvir.bench.store_rows import digest
from tasvir.errors import BudgetError, ReplyError, SettingError, TasvirError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide
from tasvir.records import Picture, Prompt, SuitePrompt, Trace

Settings = Mapping[str, Any]
"""Some of size (width and height), steps, scale and sampler; what is not there the generator chooses."""
WARM_STEPS = 4
"""Denoising steps of a picture that only warms up."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One picture that is asked for.

    Args:
        key: What it is kept under.
        prompt: What it shall show.
        seed: Its own one; see `tasvir.bench.methods.own_seed`.
        rival: What the loop that it is compared with is kept under, for "best-of-n".
        count: How many pictures that loop drew, once it is known.
    """

    key: str
    prompt: SuitePrompt
    seed: int
    rival: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that was drawn.

    Args:
        key: Of its wish.
        png: The file.
        seconds: See `tasvir.results.Cell`.
        story: See `tasvir.results.Cell`.
        drawing: Seconds of drawing alone.
        steps: Denoising steps in that time, or None where the generator does not tell.
    """

    key: str
    png: bytes = field(repr=False)
    seconds: float
    story: dict[str, Any]
    drawing: float
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Undrawn:
    """Why there is no picture of a wish; it may be tried again."""

    key: str
    reason: str


Result = Drawn | Undrawn


class Drawer:
    """A column's opened models.

    Args:
        model: What is drawn by.
        generator, guide: Its models.
        batch: Most pictures drawn at once.
        keep: Folder that keeps pictures on the way of prompts whose guide is paid for; None keeps none.
    """

    def __init__(
        self,
        model: BenchModel,
        generator: Generator,
        guide: Guide | None,
        batch: int,
        keep: Path | None = None,
    ) -> None:
        self._model, self._generator, self._guide = model, generator, guide
        self._batch, self._keep = batch, keep

    def draw(
        self, batches: Sequence[Sequence[Wish]], settings: Settings, tell: Callable[[list[Result]], None]
    ) -> None:
        """Draw all wishes, telling of what is done as soon as it is.

        Args:
            batches: Wishes that are drawn together; under a guide they form batches by themselves.
            settings: How.
            tell: Called in this thread with pictures and with why there is none.

        Raises:
            BudgetError: Nothing more can be paid; what was drawn has been told.
            KeyboardInterrupt: Ctrl-C; likewise.
        """
        if self._guide is None:
            for wishes in batches:
                tell(self._plain(wishes, settings))
        else:
            self._guided([wish for wishes in batches for wish in wishes], settings, tell)

    def warm_up(self, wishes: Sequence[Wish], settings: Settings) -> None:
        """Do once what is slow only the first time; what comes out of it is thrown away."""
        quick = {**settings, "steps": min(settings.get("steps") or WARM_STEPS, WARM_STEPS)}
        drawn = self._warm(wishes, quick) or self._warm(wishes, settings)
        if drawn and self._guide is not None and not self._guide.waits:
            try:
                self._guide.fork().judge(Prompt(wishes[0].prompt.text), drawn[0])
            except TasvirError:
                return  # it will be told for the picture itself

    def _warm(self, wishes: Sequence[Wish], settings: Settings) -> list[Picture]:
        wishes = wishes if self._guide is None else wishes[:1]
        try:
            return self._draw([Prompt(w.prompt.text) for w in wishes], [w.seed for w in wishes], settings)
        except TasvirError:  # some samplers cannot do so few steps
            return []

    def _draw(self, prompts: Sequence[Prompt], seeds: Sequence[int], settings: Settings) -> list[Picture]:
        native = {"size": self._generator.native_size}
        how = DrawSettings(**{**native, **{name: v for name, v in settings.items() if v is not None}})
        return self._generator.draw(prompts, [None] * len(prompts), seeds, how)

    def _plain(self, wishes: Sequence[Wish], settings: Settings) -> list[Result]:
        """A batch, or, where it fails, each picture alone, so that one wrong prompt spoils no other."""
        start = time.perf_counter()
        try:
            prompts = [Prompt(wish.prompt.text) for wish in wishes]
            pictures = self._draw(prompts, [wish.seed for wish in wishes], settings)
        except TasvirError as problem:
            if len(wishes) == 1:
                return [Undrawn(wishes[0].key, _reason(problem))]
            return [result for wish in wishes for result in self._plain([wish], settings)]
        share = (time.perf_counter() - start) / len(wishes)
        return [
            Drawn(wish.key, picture.png, share, _plain_story(picture), share, _steps([picture]))
            for wish, picture in zip(wishes, pictures, strict=True)
        ]

    def _guided(
        self, wishes: Sequence[Wish], settings: Settings, tell: Callable[[list[Result]], None]
    ) -> None:
        guide = self._guide
        assert guide is not None
        arm = self._model.spec.arm
        runner = PromptRunner(
            guide,
            None,
            self._generator,
            {**settings, **(arm or {})},
            at_once=2 * self._model.opening.service.concurrency if guide.waits else 1,
            batch=self._batch,
            keep=self._folder() if guide.waits else None,
            procedure=pipeline.generate if arm is not None else partial(_best_of),
        )
        tasks = []
        for wish in wishes:
            try:
                more = {} if arm is not None else {"count": self._count(wish)}
                tasks.append(Task(wish.key, Prompt(wish.prompt.text), wish.seed, more))
            except TasvirError as problem:
                tell([Undrawn(wish.key, _reason(problem))])
        stopped = runner.run(tasks, lambda ended: tell(_told(ended)), lambda *_: None)
        if stopped is not None:
            raise stopped

    def _folder(self) -> Path | None:
        """Where pictures on the way are kept: each identity has its own, for names of generators tell neither
        weights nor options nor code."""
        return None if self._keep is None else self._keep / digest(self._model.identity())[:16]

    def _count(self, wish: Wish) -> int:
        count = self._model.spec.count or wish.count
        if count is None:
            raise SettingError(
                f"{self._model.spec.rival_of} has drawn nothing for this prompt to compare with"
            )
        return count


def _best_of(prompt: Prompt, *, judge: None, **settings: Any) -> Trace:  # noqa: ARG001  # the guide judges
    return best_of(prompt, **settings)


def _told(ended: Ended) -> list[Result]:
    """What became of a guided prompt; where the guide failed on the way, what was drawn until then stands."""
    trace, error = ended.trace, ended.error
    if isinstance(error, BudgetError) or (
        error is None and (trace is None or trace.finished == "interrupted")
    ):
        return []  # stopped, not failed: it goes on as if it had not begun
    if error is not None and not (isinstance(error, ReplyError) and trace is not None and trace.attempts):
        return [Undrawn(ended.task.id, _reason(error))]
    assert trace is not None
    seconds = [attempt.seconds for attempt in trace.attempts]
    whole = sum(sum(steps.values()) for steps in seconds)
    drawing = sum(steps.get("draw", 0.0) for steps in seconds)
    story = _guided_story(trace) | ({"broken_off": _reason(error)} if error is not None else {})
    steps = _steps([attempt.picture for attempt in trace.attempts])
    return [Drawn(ended.task.id, trace.best.picture.png, whole, story, drawing, steps)]


def _plain_story(picture: Picture) -> dict[str, Any]:
    blocked = picture.provenance.get("blocked")
    told = {"pictures": 1, "provenance": picture.provenance}
    return {**told, "blocked": blocked} if blocked else told


def _guided_story(trace: Trace) -> dict[str, Any]:
    best = trace.best
    return {
        **_plain_story(best.picture),
        "pictures": len(trace.attempts),
        "shown": best.index,
        "layout": None if best.layout is None else best.layout.to_dict(),
        "verdict": None if best.verdict is None else asdict(best.verdict),
        "scores": [None if a.verdict is None else a.verdict.score for a in trace.attempts],
        "finished": trace.finished,
        "usage": asdict(trace.usage),
        "repairs": trace.repairs,
    }


def _steps(pictures: Sequence[Picture]) -> int | None:
    told = [picture.provenance.get("steps") for picture in pictures]
    return sum(told) if told and all(isinstance(steps, int) for steps in told) else None  # type: ignore[arg-type]


def _reason(problem: TasvirError) -> str:
    return f"{type(problem).__name__}: {problem}"


def counted(wishes: Sequence[Wish], stories: Mapping[str, Mapping[str, Any]]) -> list[Wish]:
    """Wishes of "best-of-n" with how many pictures their rivals drew.

    Args:
        wishes: Any.
        stories: Of the rivals' pictures, by key.
    """
    counts = {key: max(int(story.get("pictures", 1)), 1) for key, story in stories.items()}
    return [wish if wish.rival is None else replace(wish, count=counts.get(wish.rival)) for wish in wishes]
