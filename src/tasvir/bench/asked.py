"""What a run is asked for: ``run.json``, written whole, and amended by asking for more."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import tasvir
from tasvir.bench.lines import replace_file
from tasvir.bench.reading import ASKED, FORMAT, read_asked
from tasvir.errors import RecordError, SettingError
from tasvir.generate.base import DrawSettings
from tasvir.generate.samplers import find_sampler

OF_OTHERS = "pictures"
"""Spec of a column whose pictures were not drawn here."""
NEW_NAME = "give it another name with NAME=SPEC, or "
LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "pillow")
CHOICE = ("choice", "load", "service", "options")
"""What is kept of a metric."""
SWEPT = ("size", "steps", "scale", "sampler")
Sweep = dict[str, Any]
"""Values of what is swept: {"steps": 10}; a size is one number where it is square, else "WIDTHxHEIGHT"."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What run.json holds; while a command is read, what is None was not said.

    Args:
        suites: By label, the ids of the prompts.
        provenances: By suite's label.
        models: By name, `tasvir.bench.models.BenchModel.to_dict`; those of others have the spec "pictures".
        metrics: By label, "choice" as typed and what it takes of how it is opened
            (`tasvir.bench.models.written`).
        seeds: Of the run; each prompt has its own one under each.
        sweeps: A column of the matrix for each.
        draw: What holds for all pictures: size, steps, scale, sampler.
        about: When and by which version it was begun.
    """

    suites: dict[str, tuple[str, ...]] = field(default_factory=dict)
    provenances: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    sweeps: tuple[Sweep, ...] | None = None
    draw: Sweep = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a folder's run was asked for; None where there is no run yet.

        Raises:
            RecordError: Its run.json cannot be read, or belongs to something else.
        """
        if not os.path.exists(folder / ASKED):
            return None
        data = read_asked(folder)
        try:
            return cls(
                {suite["label"]: tuple(suite["prompts"]) for suite in data["suites"]},
                {suite["label"]: suite["provenance"] for suite in data["suites"]},
                {model["name"]: model for model in data["models"]},
                {label: {key: data["choices"][label][key] for key in CHOICE} for label in data["metrics"]},
                tuple(data["seeds"]),
                tuple(data["sweeps"]),
                data["draw"],
                data["about"],
            )
        except (AttributeError, KeyError, TypeError) as problem:
            told = f"lacks {problem}" if isinstance(problem, KeyError) else f"is damaged ({problem})"
            raise RecordError(
                f"{folder / ASKED} {told}: put a copy of it back, or begin anew in another folder"
            ) from problem

    def write(self, folder: Path) -> None:
        """Keep it, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        suites = [
            {"label": label, "provenance": self.provenances[label], "prompts": list(ids)}
            for label, ids in self.suites.items()
        ]
        data = {
            "format": FORMAT,
            "about": self.about,
            "suites": suites,
            "models": list(self.models.values()),
            "metrics": list(self.metrics),
            "choices": self.metrics,
            "seeds": list(self.seeds or ()),
            "sweeps": list(self.sweeps or ()),
            "draw": self.draw,
        }
        replace_file(folder / ASKED, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())

    def amended(self, more: Asked) -> Asked:
        """This and what is asked for besides.

        Raises:
            SettingError: What is asked contradicts what the run has; says what to do.
        """
        for name, model in more.models.items():
            _agree(f"model {name!r}", _without(self.models.get(name, model)), _without(model), NEW_NAME)
        for name, metric in more.metrics.items():
            _agree(f"metric {name!r}", self.metrics.get(name, metric), metric)
        given = {name: value for name, value in more.draw.items() if value is not None}
        drawn_before = any(model["spec"] != OF_OTHERS for model in self.models.values())
        if drawn_before:
            _agree("run", {name: self.draw.get(name) for name in given}, given)
        models = {**self.models, **more.models}
        for name, before in self.models.items():
            origin = models[name].get("derived_from") or before.get("derived_from")
            models[name] = {**before, "derived_from": origin}
        drawn = any(model["spec"] != OF_OTHERS for model in models.values())
        return replace(
            self,
            suites={
                label: _union(self.suites.get(label, ()), more.suites.get(label, ()))
                for label in {**self.suites, **more.suites}
            },
            provenances={**self.provenances, **more.provenances},
            models=models,
            metrics={**self.metrics, **more.metrics},
            seeds=_union(self.seeds or (), more.seeds or ((0,) if drawn and not self.seeds else ())),
            sweeps=_union(self.sweeps or (), more.sweeps or (() if self.sweeps else ({},))),
            draw=self.draw if drawn_before else given,
        )


def begun(command: str) -> dict[str, Any]:
    """When, where and by which version a run is begun."""
    return {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "tasvir": tasvir.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def settings_of(sweep: Sweep, draw: Sweep) -> dict[str, Any]:
    """Arguments of `DrawSettings` for one column's sweep, with what holds for all.

    Raises:
        SettingError: A value is wrong.
    """
    told = {name: value for name, value in {**draw, **sweep}.items() if value is not None}
    if "size" in told:
        told["size"] = sides(told["size"])
    DrawSettings(**told)
    find_sampler(told.get("sampler"))
    return told


def sides(size: int | str) -> tuple[int, int]:
    """Width and height of a size as it is swept."""
    if isinstance(size, int):
        return size, size
    width, _, height = size.partition("x")
    return int(width), int(height)


def _without(model: Mapping[str, Any]) -> dict[str, Any]:
    """What may not differ between two askings of one model."""
    return {key: value for key, value in model.items() if key not in ("derived_from", "pins")}


def _agree(what: str, before: Mapping[str, Any], now: Mapping[str, Any], or_else: str = "") -> None:
    other = [key for key in now if before.get(key) != now[key]]
    if other:
        told = "; ".join(f"{key} was {before.get(key)!r}, now {now[key]!r}" for key in other)
        raise SettingError(
            f"the {what} was asked for otherwise before ({told}): {or_else}choose another folder with --out"
        )


def _union(before: Sequence[Any], more: Iterable[Any]) -> tuple[Any, ...]:
    """In the order of asking, each once."""
    found = list(before)
    found += [value for value in more if value not in before]
    return tuple(one for place, one in enumerate(found) if one not in found[:place])
