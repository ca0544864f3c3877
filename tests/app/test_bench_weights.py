"""`tasvir bench` with a real pipeline of few random weights: its own pictures, stopped or not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.bench.methods import own_seed
from tasvir.bench.reading import load_results
from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.embedded import EmbeddedGenerator
from tasvir.records import Picture, Prompt

if TYPE_CHECKING:
    from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline


@pytest.fixture
def folder(tiny_pipeline: EmbeddedLayoutPipeline, tmp_path: Path) -> Path:
    tiny_pipeline.save_pretrained(str(tmp_path / "tiny"))
    return tmp_path / "tiny"


def bench(runner: CliRunner, folder: Path, out: Path) -> Any:
    words = ["bench", "world", "--limit", "5", "--models", f"a=embedded:{folder}", "--steps", "1"]
    return runner.invoke(app, [*words, "--batch", "2", "--device", "cpu", "--out", str(out)])


def pictures(out: Path) -> list[str | None]:
    return [cell.picture for cell in load_results(out).cells]


def test_a_run_holds_the_pictures_that_the_generator_draws(
    runner: CliRunner, folder: Path, tmp_path: Path
) -> None:
    result = bench(runner, folder, tmp_path / "run")
    assert result.exit_code == 0, result.output
    results = load_results(tmp_path / "run")
    assert str(folder) not in str(results.models[0].identity)
    generator = EmbeddedGenerator(str(folder), device="cpu")
    prompts = [results.prompts[cell.key] for cell in results.cells]
    expected: list[str] = []
    for batch in (prompts[:2], prompts[2:4], prompts[4:]):
        drawn = generator.draw(
            [Prompt(prompt.text) for prompt in batch],
            [None] * len(batch),
            [own_seed(0, prompt.id) for prompt in batch],
            DrawSettings(steps=1),
        )
        expected += [hashlib.sha256(picture.png).hexdigest() for picture in drawn]
    assert pictures(tmp_path / "run") == expected


def test_a_run_that_was_stopped_draws_the_very_same_pictures(
    runner: CliRunner, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = EmbeddedGenerator.draw
    calls: list[int] = []

    def stopping(self: EmbeddedGenerator, prompts: Sequence[Prompt], *rest: Any) -> list[Picture]:
        calls.append(len(prompts))
        if len(calls) == 3:  # warming up, then the first batch
            raise KeyboardInterrupt
        return draw(self, prompts, *rest)

    assert bench(runner, folder, tmp_path / "whole").exit_code == 0
    monkeypatch.setattr(EmbeddedGenerator, "draw", stopping)
    assert bench(runner, folder, tmp_path / "stopped").exit_code == 130
    assert [picture is not None for picture in pictures(tmp_path / "stopped")] == [True, True] + [False] * 3
    monkeypatch.setattr(EmbeddedGenerator, "draw", draw)
    assert bench(runner, folder, tmp_path / "stopped").exit_code == 0
    assert pictures(tmp_path / "stopped") == pictures(tmp_path / "whole")
