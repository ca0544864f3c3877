"""What a run still lacks: cells from what was asked, a key a picture, jobs from what is not there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasvir.bench.asked import Asked, settings_of
from tasvir.bench.drawing import Wish
from tasvir.bench.engines.base import Job
from tasvir.bench.methods import own_seed
from tasvir.bench.models import BenchModel
from tasvir.bench.store_rows import CellRow, digest
from tasvir.errors import SettingError
from tasvir.records import SuitePrompt
from tasvir.results import PromptKey

Prompts = Mapping[PromptKey, SuitePrompt]


@dataclass(frozen=True, slots=True)
class Column:
    """A model with all that its pictures hang on.

    Args:
        model: How it is opened.
        identity: See `BenchModel.identity`.
        rival: The column that "best-of-n" is compared with.
    """

    model: BenchModel
    identity: dict[str, Any]
    rival: BenchModel | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's cells of models that are drawn here, and the jobs of all of them, done or not."""

    cells: tuple[CellRow, ...]
    jobs: tuple[Job, ...]


def columns(models: Sequence[BenchModel], identities: Mapping[str, dict[str, Any]]) -> list[Column]:
    """Models with their identities and rivals; those with a rival last, for they need what it drew.

    Raises:
        SettingError: "best-of-n" without the loop of its generator and guide.
    """
    by_spec = {(str(model.spec)): model for model in reversed(models)}
    found = []
    for model in models:
        rival = model.spec.rival_of
        if rival is not None and str(rival) not in by_spec:
            raise SettingError(
                f"model {model.name!r} draws as many pictures as {rival} did: add that to --models, or say "
                "how many, best-of-6"
            )
        found.append(Column(model, identities[model.name], by_spec.get(str(rival))))
    return sorted(found, key=lambda column: column.rival is not None)


def make_plan(asked: Asked, prompts: Prompts, found: Sequence[Column], batch: int) -> Plan:
    """Every cell that is asked for of these columns, and how they would be drawn.

    Args:
        asked: Suites, seeds, sweeps.
        prompts: What is asked for, by suite and id.
        found: See `columns`.
        batch: Most pictures drawn at once.
    """
    rows: list[CellRow] = []
    jobs: list[Job] = []
    keys: dict[tuple[str, str, PromptKey, int], str] = {}
    for column, sweep in itertools.product(found, asked.sweeps or ({},)):
        settings = settings_of(sweep, asked.draw)
        wishes = {}
        for (suite, name), seed in itertools.product(_chosen(asked), asked.seeds or ()):
            prompt, own = prompts[suite, name], own_seed(seed, name)
            where = (digest(sweep), (suite, name), seed)
            rival = None if column.rival is None else keys[column.rival.name, *where]
            counted_by = () if rival is None else (rival,)
            key = digest(prompt.text, column.identity, settings, own, *counted_by)
            keys[column.model.name, *where] = key
            rows.append(CellRow(suite, name, column.model.name, seed, dict(sweep), key))
            wishes[key] = Wish(key, prompt, own, rival)
        each = list(wishes.values())
        batches = tuple(tuple(each[start : start + batch]) for start in range(0, len(each), batch))
        jobs.append(Job(column.model, dict(sweep), settings, batches, batch))
    return Plan(tuple(rows), tuple(jobs))


def _chosen(asked: Asked) -> list[PromptKey]:
    return [(suite, name) for suite, names in asked.suites.items() for name in names]
