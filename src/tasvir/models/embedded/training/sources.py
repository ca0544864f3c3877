"""Trained weights of others that an embedded model learns from, and which a resumed run goes on with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasvir.errors import SettingError
from tasvir.lab.training.checkpoints import UNREADABLE
from tasvir.models.embedded.training.settings import TrainSettings

SOURCES = ("vae", "pipeline", "recogniser", "clip")
"""Settings that name trained weights of others that a model learns from."""


def resumed_sources(settings: TrainSettings) -> TrainSettings:
    """Settings of a run to go on with, learning from the weights of others that it was begun with.

    Raises:
        SettingError: Others are asked for than it was begun with.
    """
    try:
        state = json.loads((settings.out / "state.json").read_text("utf-8"))
        stored = {name: state["settings"].get(name) for name in SOURCES}
    except UNREADABLE:  # no run, or a damaged one: `stored_state` says so
        return settings
    for name, before in stored.items():
        given = getattr(settings, name)
        if given is not None and before is not None and given.resolve() != Path(before).resolve():
            raise SettingError(
                f"{name} is {given}, but the run in {settings.out} was begun with {before}: leave --{name} "
                "out, or begin another run with another --out"
            )
    kept: dict[str, Any] = {name: Path(path) for name, path in stored.items() if path is not None}
    return replace(settings, **kept)
