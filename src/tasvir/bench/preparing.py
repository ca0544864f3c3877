"""From what a command asks for to a run at work: all that can be wrong is found before anything is drawn."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tasvir import registry
from tasvir.bench import others
from tasvir.bench.asked import NEW_NAME, OF_OTHERS, Asked
from tasvir.bench.foreign import Foreign
from tasvir.bench.lines import writing
from tasvir.bench.models import BenchModel, opened_as, written
from tasvir.bench.picture_files import PICTURES
from tasvir.bench.plan import columns, make_plan
from tasvir.bench.reading import ASKED
from tasvir.bench.running import DRAWN, Progress, Run
from tasvir.bench.scoring import Opened
from tasvir.bench.store import RunStore
from tasvir.bench.store_schema import STORE
from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.models.opening import GIVEN, Opening, open_model
from tasvir.records import SuitePrompt
from tasvir.results import ModelInfo, PromptKey
from tasvir.score.base import Measure


@dataclass(frozen=True)
class Request:
    """What a command asks for.

    Args:
        folder: The run's.
        more: Suites, models, seeds and so on, as typed; metrics stand in ``metrics``.
        prompts: Of the suites in it, by label.
        metrics: As typed.
        opening: Where and how models are opened.
        batch: Most pictures drawn at once.
        about: Of a run that is begun; see `tasvir.bench.asked.begun`.
        others: Pictures to be put into it: by the column's name, the suite's label and what there is.
    """

    folder: Path
    opening: Opening
    more: Asked = field(default_factory=Asked)
    prompts: Mapping[str, Sequence[SuitePrompt]] = field(default_factory=dict)
    metrics: Sequence[str] = ()
    batch: int = 8
    about: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, tuple[str, Foreign]] = field(default_factory=dict)


@contextmanager
def prepared(request: Request, progress: Progress) -> Iterator[Run]:
    """A run ready to go, its folder held while the block lasts.

    Raises:
        SettingError: What is asked for contradicts what the run has, or another process is at work.
        UnknownNameError: There is no such model or metric.
        RecordError, OutputError: The folder cannot be read or written, or holds something else.
        TasvirError: A metric cannot be opened.
    """
    _refuse_other_files(request.folder)
    before = Asked.read(request.folder)
    _refuse_nothing(request.folder, before, request.more)
    metrics = [_metric(choice, request.opening) for choice in dict.fromkeys(request.metrics)]
    more = replace(request.more, metrics={one.info.name: asked for one, asked in metrics})
    asked = (before or Asked(about=dict(request.about))).amended(more)
    opened = {one.info.name: one for one, _ in metrics}
    for label, kept in asked.metrics.items():
        if label not in opened:
            opened[label] = _metric(kept["choice"], opened_as(kept, request.opening))[0]
    drawn_here = [data for data in asked.models.values() if data["spec"] != OF_OTHERS]
    models = [BenchModel.from_dict(data, request.opening) for data in drawn_here]
    identities = {model.name: model.identity() for model in models}
    models = [model.pinned(identities[model.name]) for model in models]
    asked = replace(asked, models={**asked.models, **{model.name: model.to_dict() for model in models}})
    ordered = columns(models, identities)
    with RunStore(request.folder) as store:
        if Asked.read(request.folder) != before:
            raise SettingError(f"{request.folder} was changed by another process just now: try again")
        prompts = _prompts(store, asked, request.prompts)
        _compare(store.identities(), identities, progress)
        found = [opened[label] for label in asked.metrics]
        _compare_recipes(store.recipes(), found, progress)
        plan = make_plan(asked, prompts, ordered, request.batch)
        _tell(store, asked, prompts, identities, found)
        store.add_cells(plan.cells)
        for name, (label, read) in request.others.items():
            told = {prompt.id: prompt for prompt in request.prompts[label]}
            store.add_cells(others.put_in(store, name, label, read, told))
        asked.write(request.folder)
        yield Run(store, asked, plan.jobs, prompts, found, progress, request.opening.service.concurrency)


def _refuse_other_files(folder: Path) -> None:
    ours = (PICTURES, DRAWN)
    with writing(folder):
        names = [path.name for path in folder.iterdir()] if os.path.exists(folder) else []
    if ASKED not in names and any(
        not name.startswith(("run.", STORE)) and name not in ours for name in names
    ):
        raise OutputError(f"{folder} holds other files and no run: choose another folder with --out")


def _refuse_nothing(folder: Path, before: Asked | None, more: Asked) -> None:
    """Suites and models have to be named once."""
    asked = (before or Asked(), more)
    if not any(ids for one in asked for ids in one.suites.values()):
        raise SettingError(
            f"{folder} has no prompts to draw yet: name a suite, see `tasvir suites list`, or the folder of "
            "a run that is to go on"
        )
    if not any(one.models for one in asked):
        raise SettingError(
            f"{folder} has no models to draw by yet: name them with --models, such as --models embedded"
        )


def _metric(choice: str, opening: Opening) -> tuple[Opened, dict[str, Any]]:
    """A metric, and what run.json keeps of how it was opened."""
    takes = registry.parameters(registry.load("metrics", choice)).keys()
    options = {name: value for name, value in opening.options.items() if name in takes - set(GIVEN)}
    opening = replace(opening, options=options)
    kept = written(opening)
    kept |= {flags: {} for flags in ("load", "service") if flags not in takes}
    metric: Measure = open_model("metrics", choice, Measure, opening)
    return Opened.of(metric), {"choice": choice, **kept}


def _prompts(
    store: RunStore, asked: Asked, told: Mapping[str, Sequence[SuitePrompt]]
) -> dict[PromptKey, SuitePrompt]:
    """All prompts that are asked for; those told now stand before those kept.

    Raises:
        SettingError: A prompt is another one by now.
    """
    kept = store.prompts()
    now = {(label, prompt.id): prompt for label, prompts in told.items() for prompt in prompts}
    for (label, name), prompt in now.items():
        before = kept.get((label, name), prompt)
        if before.text != prompt.text:
            raise SettingError(
                f"prompt {name!r} of suite {label!r} was {before.text!r} when the run was begun, and is "
                f"{prompt.text!r} now: choose another folder with --out"
            )
    both = {**kept, **now}
    wanted = [(label, name) for label, names in asked.suites.items() for name in names]
    lost = [key for key in wanted if key not in both]
    if lost:
        raise RecordError(
            f"the run's store has no prompt {lost[0][1]!r} of suite {lost[0][0]!r}: name the suite once more"
        )
    return {key: both[key] for key in wanted}


def _compare(before: Mapping[str, Any], now: Mapping[str, dict[str, Any]], progress: Progress) -> None:
    """Refuse other models under a name that is taken; say where only the code is another.

    Raises:
        SettingError: The weights, or what else a model is made of, are not what they were.
    """
    for name, identity in now.items():
        old = before.get(name, identity)
        other = [key for key in identity.keys() | old.keys() if identity.get(key) != old.get(key)]
        if other == ["code"]:
            progress.say(f"{name}: the code that draws has changed since; what it drew is drawn anew")
        elif other:
            told = "; ".join(f"{key} was {old.get(key)}, now {identity.get(key)}" for key in sorted(other))
            raise SettingError(
                f"the run's model {name!r} is another one by now ({told}): {NEW_NAME}"
                "choose another folder with --out"
            )


def _compare_recipes(before: Mapping[str, str], metrics: Sequence[Opened], progress: Progress) -> None:
    """Say which metrics are others by now: their values are not compared with the old ones."""
    for one in metrics:
        if before.get(one.info.name, one.info.recipe_hash) != one.info.recipe_hash:
            progress.say(f"{one.info.name}: its recipe has changed since; what it scored is scored anew")


def _tell(
    store: RunStore,
    asked: Asked,
    prompts: Mapping[PromptKey, SuitePrompt],
    identities: Mapping[str, dict[str, Any]],
    metrics: Sequence[Opened],
) -> None:
    for label, names in asked.suites.items():
        store.add_prompts(label, asked.provenances[label], [prompts[label, name] for name in names])
    for name, data in asked.models.items():
        store.add_model(ModelInfo(name, data["spec"], identities.get(name, {}), data["derived_from"]))
    for one in metrics:
        store.add_metric(one.info)
