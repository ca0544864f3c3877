"""A run over suites, models and seeds at work: what is not there yet is drawn and scored.

Drawing goes model by model; scoring goes on beside it. All that is made is told to the store at once, so that
a run can be stopped at any moment and goes on with the same command.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

from tasvir.bench.asked import Asked
from tasvir.bench.drawing import Drawn, Result, Undrawn, counted
from tasvir.bench.engines.base import Engine, Job
from tasvir.bench.plan import Prompts
from tasvir.bench.scoring import PATIENCE, Opened, Scorer, Shown
from tasvir.bench.set_scoring import score_sets, sets_of
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import DRAW, PictureRow, dumps, score_key, set_key
from tasvir.records import SuitePrompt
from tasvir.results import PromptKey, Speed

DRAWN = "drawn"
"""Folder for pictures of prompts that are not done yet."""


class Progress(Protocol):
    """Who is told how far a run is; from any thread."""

    def expect(self, name: str, total: int, done: int) -> None:
        """A model or a metric has so much to do, of which so much is done."""

    def advance(self, name: str, count: int) -> None:
        """So much more is done."""

    def doing(self, name: str, what: str) -> None:
        """What happens with a model now."""

    def say(self, text: str) -> None:
        """Something that the user should know."""


class Run:
    """One command at work in a run's folder; takes what an engine brings (`tasvir.bench.engines.base.Sink`).

    Args:
        store: Of the folder, the cells being there.
        asked: All that the run is asked for.
        jobs: All that is asked of models that draw here, done or not.
        prompts: By suite and id.
        metrics: Opened.
        progress: Who is told.
        at_once: Calls on their way at once for each metric that waits.

    Attributes:
        metrics: As given.
    """

    def __init__(
        self,
        store: RunStore,
        asked: Asked,
        jobs: Sequence[Job],
        prompts: Prompts,
        metrics: Sequence[Opened],
        progress: Progress,
        at_once: int = 8,
    ) -> None:
        self.store, self._asked, self._jobs = store, asked, jobs
        self.metrics, self._progress = metrics, progress
        self._said: list[str] = []
        self._cells = [
            cell
            for cell in store.cells()
            if cell.model in asked.models and (cell.suite, cell.prompt) in prompts
        ]
        self._shows: dict[str, dict[PromptKey, SuitePrompt]] = {}
        for cell in self._cells:
            where = cell.suite, cell.prompt
            self._shows.setdefault(cell.key, {})[where] = prompts[where]
        self._scorer = Scorer(metrics, store, self._scored, at_once)

    def go(self, engine: Engine | None) -> None:
        """Draw what is missing, where there is an engine, and score what is not scored.

        Raises:
            KeyboardInterrupt: Ctrl-C; all that was made is kept.
            OutputError: The folder cannot be written; likewise.
        """
        try:
            lacking = self._lacking()
            self._tell_totals(lacking, drawing=engine is not None)
            self._score(
                [(key, one.sha256, one.story) for key, one in self.store.pictures(self._shows).items()]
            )
            if engine is not None:
                self._draw(engine, lacking)
            self._scorer.finish()
        finally:
            self._scorer.stop(PATIENCE)
            if engine is not None:
                engine.close()
        score_sets(self.metrics, self.store, self._cells, self._progress.say)
        if not any(job.batches for job in self._lacking()):
            shutil.rmtree(self.store.folder / DRAWN, ignore_errors=True)

    def failures(self) -> Counter[tuple[str, str]]:
        """What could not be done and may pass, by model or metric and reason, counted."""
        models = {cell.key: cell.model for cell in self._cells}
        rows = self.store.failures()
        wanted = self._score_keys() if any(row.what != DRAW for row in rows) else set()
        drawn = [(models[row.key], row.reason) for row in rows if row.what == DRAW and row.key in models]
        return Counter(drawn + [(row.what, row.reason) for row in rows if row.key in wanted])

    @property
    def stopped_by(self) -> list[str]:
        """Why something was left undone that the user can mend, such as a used-up budget."""
        return self._said + [f"{one.info.name}: {one.stopped}" for one in self.metrics if one.stopped]

    def _score_keys(self) -> set[str]:
        """Of all scores that are asked for of the pictures that are there now; what failed under another key
        (an older recipe, a set of fewer pictures) is asked for no longer."""
        pictures = self.store.hashes(self._shows)
        single = {
            score_key(sha256, prompt, one.info.recipe_hash)
            for key, sha256 in pictures.items()
            for prompt in self._shows[key].values()
            for one in self.metrics
            if not one.info.of_sets
        }
        sets = sets_of(self.store, self._cells).values()
        of_sets = [one.info.recipe_hash for one in self.metrics if one.info.of_sets]
        return single | {set_key(members, recipe) for members in sets for recipe in of_sets}

    def begin(self, job: Job, what: str) -> None:
        self._progress.doing(job.model.name, what)

    def keep(self, job: Job, results: Sequence[Result]) -> None:
        drawn = [result for result in results if isinstance(result, Drawn)]
        kept = self.store.add_pictures([PictureRow(d.key, d.png, d.seconds, d.story) for d in drawn])
        for result in results:
            if isinstance(result, Undrawn):
                self.store.add_failure(result.key, DRAW, result.reason)
                self._progress.say(f"{job.model.name}: {result.reason}")
        self._progress.advance(job.model.name, len(results))
        self._score([(one.key, sha256, one.story) for one, sha256 in zip(drawn, kept, strict=True)])

    def speed(self, speed: Speed) -> None:
        self.store.add_speed(speed)

    def say(self, text: str) -> None:
        self._said.append(text)
        self._progress.say(text)

    def undisturbed(self) -> AbstractContextManager[None]:
        return self._scorer.undisturbed()

    def _draw(self, engine: Engine, lacking: Sequence[Job]) -> None:
        """First jobs that stand by themselves, then those that need to know what their rivals drew."""
        todo = [job for job in lacking if job.batches]
        engine.run([job for job in todo if job.model.spec.rival_of is None], self)
        engine.run([self._counted(job) for job in todo if job.model.spec.rival_of is not None], self)

    def _lacking(self) -> list[Job]:
        """All jobs without the pictures that are there, each picture in one job alone."""
        there = self.store.has_pictures(self._shows)
        timed = self.store.timed()
        found = []
        for job in self._jobs:
            batches = [[wish for wish in wishes if wish.key not in there] for wishes in job.batches]
            there |= {wish.key for wishes in batches for wish in wishes}
            timing = (job.model.name, dumps(job.sweep)) not in timed
            found.append(replace(job.with_batches([each for each in batches if each]), timed=timing))
        return found

    def _counted(self, job: Job) -> Job:
        kept = self.store.pictures([wish.rival for wish in job.wishes if wish.rival is not None])
        stories = {key: picture.story for key, picture in kept.items()}
        return job.with_batches([counted(wishes, stories) for wishes in job.batches])

    def _tell_totals(self, lacking: Sequence[Job], drawing: bool) -> None:
        for job, rest in zip(self._jobs, lacking, strict=True):
            total, left = len(job.wishes), len(rest.wishes)
            if drawing:
                self._progress.expect(job.model.name, total, total - left)
        keys = self._shows if drawing else self.store.has_pictures(self._shows)
        pictures = sum(len(self._shows[key]) for key in keys)
        for one in self.metrics:
            if not one.info.of_sets:
                self._progress.expect(one.info.name, pictures, 0)

    def _score(self, pictures: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Hand pictures (key, SHA-256, story) to the scorer, each with all prompts that it was drawn for."""
        shown = [
            Shown(sha256, prompt, str(story.get("blocked") or ""))
            for key, sha256, story in pictures
            for prompt in self._shows[key].values()
        ]
        for name, todo in self._scorer.put(shown).items():
            self._progress.advance(name, len(shown) - todo)

    def _scored(self, metric: str, count: int, failed: str) -> None:
        self._progress.advance(metric, count)
        if failed:
            self._progress.say(f"{metric}: {failed}")
