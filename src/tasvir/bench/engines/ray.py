"""Draws on many machines, or in many processes of one, by Ray: actors that hold one generator each.

A batch goes to an actor, its pictures come back, and the process that was started by the user alone tells the
store. So a worker that dies takes nothing with it but the batch it was at, which is sent again. Batches are
those of the local engine, and actors draw by it: pictures do not depend on who draws them.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tasvir.bench.drawing import Result, Undrawn, Wish
from tasvir.bench.engines.base import Engine, Job, Sink
from tasvir.bench.engines.local import LocalEngine
from tasvir.bench.store_rows import digest
from tasvir.bench.timing import stretch
from tasvir.errors import PluginError, SettingError, TasvirError
from tasvir.results import Speed

_log = logging.getLogger(__name__)
DEATHS = 2
"""What so many workers died of is cut up, and given up where it is one picture."""


@dataclass
class Brought:
    """What a worker brings back of a job; stands where the local engine expects a sink."""

    results: list[Result] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def begin(self, job: Job, what: str) -> None:
        """Nobody is watching here."""

    def keep(self, job: Job, results: Sequence[Result]) -> None:  # noqa: ARG002  # there is one job
        self.results += results

    def speed(self, speed: Speed) -> None:
        self.speeds.append(speed)

    def say(self, text: str) -> None:
        self.said.append(text)

    def undisturbed(self) -> AbstractContextManager[None]:
        return nullcontext()


class Worker:
    """What an actor is made of: the local engine, and what it has found to be the same here."""

    def __init__(self) -> None:
        self._engine = LocalEngine()
        self._same: set[str] = set()

    def draw(self, job: Job, identity: str) -> Brought:
        """Draw a job; its generator stays open.

        Args:
            job: What to draw.
            identity: Digest of what the pictures of its column are kept under.

        Raises:
            SettingError: Code or weights of this machine would draw other pictures.
        """
        if identity not in self._same:
            if digest(job.model.identity()) != identity:
                raise SettingError(
                    f"{platform.node()} has other weights or another version of tasvir, and would draw other "
                    f"pictures of {job.model.name!r}: install the same on all machines of the cluster"
                )
            self._same.add(identity)
        brought = Brought()
        self._engine.run([job], brought)
        return brought


@dataclass
class _Actor:
    """A worker, and which generator it holds (`BenchModel.generator_key`)."""

    handle: Any
    holds: str


@dataclass
class _Task:
    """A part of a job that goes to one worker, and how many have died of it."""

    job: Job
    deaths: int = 0

    @property
    def holds(self) -> str:
        return self.job.model.generator_key

    def parts(self) -> list[_Task]:
        """Its batches one by one, or the pictures of its only one; none where it is one picture."""
        batches = self.job.batches if len(self.job.batches) > 1 else [[wish] for wish in self.job.wishes]
        return [_task(self.job, batch) for batch in batches] if len(batches) > 1 else []


class RayEngine(Engine):
    """Actors on a cluster, or on one that is started here for the while.

    Args:
        address: Of a running cluster: "auto", "HOST:PORT", "ray://HOST:10001"; None starts one here.
        workers: How many draw at once; None = as many as there are GPUs, or processors where there are none.
        gpus: What each takes of a GPU; None = 1 where the cluster has GPUs and the device is not the CPU.

    Raises:
        PluginError: Ray is not installed; says how to.
    """

    def __init__(
        self, address: str | None = None, workers: int | None = None, gpus: float | None = None
    ) -> None:
        self._address, self._asked, self._gpus = address, workers, gpus
        self._actors: list[_Actor] = []
        self._begun = False
        try:
            import ray
        except ImportError as problem:
            raise PluginError(
                f"--engine ray needs Ray, which is not installed ({problem}): pip install 'tasvir[ray]'"
            ) from problem
        self._ray: Any = ray
        self._identities: dict[str, str] = {}

    def run(self, jobs: Sequence[Job], sink: Sink) -> None:
        """See `Engine.run`. What is timed comes first, one at a time, so that times mean something.

        Raises:
            SettingError: The cluster cannot be reached, has too little, or has other code or weights; or
                there is a budget, which workers cannot share.
        """
        if not jobs:
            return
        if any(job.model.spec.guide and job.model.opening.service.budget is not None for job in jobs):
            raise SettingError("workers do not share a purse: leave out --budget, or use --engine local")
        self._begin()
        workers = self._workers(jobs)
        timed, rest = _tasks(jobs)
        with sink.undisturbed() if timed else nullcontext():
            self._work(timed, sink, 1)
        self._work(rest, sink, workers)

    def close(self) -> None:
        """Let go of the actors, and of the cluster where it was started here."""
        if self._begun:
            while self._actors:
                self._dismiss(self._actors[-1])
            self._ray.shutdown()
            self._begun = False

    def _begin(self) -> None:
        if self._begun:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it runs
        os.environ.setdefault("RAY_worker_niceness", "0")  # drawing is the work here, nothing goes before it
        here: dict[str, Any] = {"num_cpus": self._asked, "include_dashboard": False}
        more = {} if self._address else here
        try:
            _knock(self._address)
            self._ray.init(address=self._address, log_to_driver=False, logging_level="ERROR", **more)
        except (OSError, RuntimeError, ValueError) as problem:
            raise SettingError(
                f"no Ray cluster answers at {self._address or 'this machine'}: {problem}; start one with "
                "`ray start --head`, or leave out --address"
            ) from problem
        self._begun = True

    def _workers(self, jobs: Sequence[Job]) -> int:
        """As many as are asked for and have room."""
        has = self._ray.cluster_resources()
        most = min(
            int(has.get("GPU", 0) / gpus) if (gpus := self._share(job)) else int(has.get("CPU", 0))
            for job in jobs
        )
        if most < 1:
            raise SettingError(
                f"the cluster has {has.get('CPU', 0):g} processors and {has.get('GPU', 0):g} GPUs, too few "
                "for one worker: start it with more, or lower --gpus"
            )
        return most if self._asked is None else min(self._asked, most)

    def _share(self, job: Job) -> float:
        """Of a GPU, for each worker."""
        if self._gpus is not None:
            return self._gpus
        has = self._ray.cluster_resources().get("GPU", 0) > 0
        return 1.0 if has and job.model.opening.load.device != "cpu" else 0.0

    def _work(self, tasks: list[_Task], sink: Sink, workers: int) -> None:
        """Keep so many workers busy until nothing is left."""
        waiting = list(tasks)
        busy: dict[Any, tuple[_Actor, _Task]] = {}
        while waiting or busy:
            while waiting and len(busy) < workers:
                actor, task = self._pair(waiting, [actor for actor, _ in busy.values()], workers)
                sink.begin(task.job, "timed" if task.job.timed else "drawing")
                busy[actor.handle.draw.remote(task.job, self._identity(task.job))] = actor, task
            done, _ = self._ray.wait(list(busy))
            for reference in done:
                actor, task = busy.pop(reference)
                waiting += self._settled(reference, actor, task, sink)

    def _pair(self, waiting: list[_Task], busy: list[_Actor], workers: int) -> tuple[_Actor, _Task]:
        """Take a task out of those waiting, and an idle actor, if possible one that has its generator."""
        idle = [actor for actor in self._actors if actor not in busy]
        for actor in idle:
            for place, task in enumerate(waiting):
                if task.holds == actor.holds:
                    return actor, waiting.pop(place)
        if idle and len(self._actors) >= workers:
            self._dismiss(idle[0])
        task = waiting.pop(_neediest(waiting, busy))
        return self._hire(task), task

    def _settled(self, reference: Any, actor: _Actor, task: _Task, sink: Sink) -> list[_Task]:
        """Hand on what a worker brought; returns what has to be done again."""
        errors = self._ray.exceptions
        try:
            brought: Brought = self._ray.get(reference)
        except errors.RayTaskError as problem:
            raise (problem.cause if isinstance(problem.cause, TasvirError) else problem) from None
        except errors.RayError as problem:
            self._dismiss(actor)
            task.deaths += 1
            _log.warning("a worker that drew %s died: %s", task.job.model.name, problem)
            if task.deaths < DEATHS:
                return [task]
            parts = task.parts()
            if not parts:
                reason = f"{DEATHS} workers died of it ({type(problem).__name__}): is there enough memory?"
                sink.keep(task.job, [Undrawn(wish.key, reason) for wish in task.job.wishes])
            return parts
        for text in brought.said:
            sink.say(text)
        for speed in brought.speeds:
            sink.speed(speed)
        sink.keep(task.job, brought.results)
        return []

    def _hire(self, task: _Task) -> _Actor:
        gpus = self._share(task.job)
        options = {"num_cpus": 0 if gpus else 1, "num_gpus": gpus, "max_restarts": 0}
        actor = _Actor(self._ray.remote(Worker).options(**options).remote(), task.holds)
        self._actors.append(actor)
        return actor

    def _identity(self, job: Job) -> str:
        name = job.model.name
        if name not in self._identities:
            self._identities[name] = digest(job.model.identity())
        return self._identities[name]

    def _dismiss(self, actor: _Actor) -> None:
        self._actors.remove(actor)
        with suppress(Exception):  # it may be dead already
            self._ray.kill(actor.handle)


def _knock(address: str | None) -> None:
    """Find out at once whether anybody listens there: Ray itself asks again for minutes.

    Raises:
        OSError: Nobody does.
        ValueError: It is no address.
    """
    if address is not None and ":" in address:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _tasks(jobs: Sequence[Job]) -> tuple[list[_Task], list[_Task]]:
    """What is timed, and all else, a batch each."""
    timed, rest = [], []
    for job in jobs:
        batches: Sequence[Sequence[Wish]] = job.batches
        if job.timed:
            first, batches = stretch(batches)
            timed.append(_Task(job.with_batches(first)))
        rest += [_task(job, batch) for batch in batches]
    return timed, rest


def _task(job: Job, batch: Sequence[Wish]) -> _Task:
    return _Task(replace(job.with_batches([batch]), timed=False))


def _neediest(waiting: Sequence[_Task], busy: Sequence[_Actor]) -> int:
    """Index of the first task of the generator that has most tasks for each worker."""
    tasks = Counter(task.holds for task in waiting)
    held = Counter(actor.holds for actor in busy)
    most = max(tasks, key=lambda name: tasks[name] / (held[name] + 1))
    return next(place for place, task in enumerate(waiting) if task.holds == most)
