"""A scripted guide and generator that stand in for the models: commands are tested in milliseconds."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from tasvir import registry
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.records import Layout, Picture, Prompt

CAR = {"phrase": "a red car", "box": [0.1, 0.5, 0.4, 0.8]}
DOG = {"phrase": "a dog", "box": [0.6, 0.5, 0.9, 0.8]}
DOG_MOVED = {"phrase": "a dog", "box": [0.55, 0.4, 0.95, 0.8]}


class ScriptedGuide(Guide):
    """Plans two things, is content with the plan, scores 2 then 5, and moves the dog in between."""

    name = "scripted"

    def __init__(self) -> None:
        self.judged = 0

    def reply(self, request: Request, *, seed: int) -> str:
        if request.skill == "judge":
            self.judged += 1
            if self.judged == 1:
                return json.dumps({"reasoning": "the dog is missing", "score": 2, "missing": ["a dog"]})
            return json.dumps({"reasoning": "all is there", "score": 5, "missing": []})
        dog = DOG_MOVED if request.skill == "redesign" else DOG
        return json.dumps({"reasoning": "", "objects": [CAR, dog], "background": "park", "overlaps": []})


class ScriptedGenerator(Generator):
    """Draws a plain colour; ``before_drawing`` lets a test interfere."""

    name = "scripted"
    before_drawing: Callable[[int], None] = staticmethod(lambda drawn: None)

    def __init__(self) -> None:
        self.drawn = 0

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        type(self).before_drawing(self.drawn)
        self.drawn += 1
        buffer = io.BytesIO()
        Image.new("RGB", settings.size, (seeds[0] % 256, 100, 50)).save(buffer, "PNG")
        return [Picture(buffer.getvalue(), *settings.size, {"generator": self.name, "seed": seeds[0]})]


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedGenerator]:
    """The name "embedded" gives the scripted models; other names stay unknown."""
    plugins: dict[tuple[str, str], Any] = {
        ("guides", "embedded"): ScriptedGuide,
        ("generators", "embedded"): ScriptedGenerator,
    }
    find, load = registry.find, registry.load
    monkeypatch.setattr(registry, "find", lambda kind, name: plugins.get((kind, name)) or find(kind, name))
    monkeypatch.setattr(registry, "load", lambda kind, name: plugins.get((kind, name)) or load(kind, name))
    monkeypatch.setattr(ScriptedGenerator, "before_drawing", staticmethod(lambda drawn: None))
    return ScriptedGenerator


@pytest.fixture
def bench_plugins(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plugins of `tests/app/bench_plugins.py` and the scripted guide, beside what is installed."""
    path = Path(__file__).with_name("bench_plugins.py")
    spec = importlib.util.spec_from_file_location("bench_plugins", path)
    assert spec is not None and spec.loader is not None
    plugins = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugins)
    named: dict[tuple[str, str], Any] = {
        ("generators", "painter"): plugins.Painter,
        ("guides", "scripted"): ScriptedGuide,
        ("suites", "few"): plugins.Few,
        **{("metrics", one.name): one for one in plugins.METRICS},
    }
    find, load, package = registry.find, registry.load, registry.package
    monkeypatch.setattr(
        registry, "find", lambda kind, name: named.get((kind, name.partition(":")[0])) or find(kind, name)
    )
    monkeypatch.setattr(
        registry, "load", lambda kind, name: named.get((kind, name.partition(":")[0])) or load(kind, name)
    )
    monkeypatch.setattr(
        registry,
        "package",
        lambda kind, name: "test 1" if (kind, name.partition(":")[0]) in named else package(kind, name),
    )
    return plugins
