"""`tasvir train` as typed: what it shows, how it stops, how weights are put in; training is stood in for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rich.console
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.app.cli.train_progress import TrainProgress, time_left
from tasvir.models.embedded import training

ROWS = [
    {"progress": 0.0, "step": 0, "fitted": 3, "of": 5},
    {"progress": 0.25, "step": 1200, "pictures": 57600, "minutes": 4.0, "loss": 0.51234},
]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[training.TrainSettings]:
    """Reports two rows, writes a state and is stopped if its seed is 1."""
    asked: list[training.TrainSettings] = []

    def run(name: str, settings: training.TrainSettings, report: Callable[[dict[str, Any]], None]) -> Path:
        asked.append(settings)
        for row in ROWS:
            report(row)
        settings.out.mkdir(exist_ok=True)
        if settings.seed:
            if settings.seed == 1:
                (settings.out / "state.json").write_text("{}")
            raise KeyboardInterrupt
        return settings.out

    monkeypatch.setattr(training, "run", run)
    return asked


def test_plain_lines_where_there_is_no_terminal(runner: CliRunner, fake: Any, tmp_path: Path) -> None:
    result = runner.invoke(app, ["train", "oracle", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "began from 3 of 5 tensors; the others are fresh",
        "25.0%  step 1,200  57,600 pictures  12 min left  loss 0.5123",
    ]


def test_json_is_a_line_a_report_and_nothing_else(runner: CliRunner, fake: Any, tmp_path: Path) -> None:
    result = runner.invoke(app, ["train", "oracle", "--out", str(tmp_path), "--json"])
    assert [json.loads(line) for line in result.stdout.splitlines()] == ROWS
    assert "trained" in result.stderr


def test_a_terminal_has_a_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = rich.console.Console
    monkeypatch.setattr(
        rich.console, "Console", lambda **given: console(**given, file=screen, force_terminal=True, width=100)
    )
    with TrainProgress("oracle") as progress:
        for row in ROWS:
            progress(row)
    shown = screen.getvalue()
    assert "3 of 5 tensors" in shown and "12 min left" in shown and "loss 0.5123" in shown
    assert "\x1b[" in shown


def test_ctrl_c_says_how_to_go_on(runner: CliRunner, fake: Any, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    given = ["train", "generator", "--out", str(out), "--seed", "1", "--minutes", "9", "--batch", "4"]
    result = runner.invoke(app, given)
    assert result.exit_code == 130
    command = f"tasvir train generator --out '{out}' --resume --minutes 9.0 --seed 1"
    assert result.stderr.replace("\n", " ").strip().endswith(command)
    early = runner.invoke(app, ["train", "generator", "--out", str(tmp_path / "other"), "--seed", "2"])
    assert early.exit_code == 130
    assert "nothing to go on from" in early.stderr


def test_ship_hands_its_arguments_on(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(training, "ship", lambda *given: asked.append(given) or tmp_path)
    command = ["train", "ship", "generator", "runs/g", "--weights", "w", "--autoencoder", "a"]
    result = runner.invoke(app, command)
    assert (result.exit_code, asked) == (0, [("generator", Path("runs/g"), Path("w"), Path("a"))])
    assert "now holds the generator" in result.stdout


@pytest.mark.parametrize(
    ("progress", "minutes", "text"),
    [
        (0.5, 10.0, "10 min left"),
        (0.1, 20.0, "3.0 h left"),
        (0.9, 3.0, "less than a minute left"),
        (1.0, 3.0, "done"),
    ],
)
def test_time_left_by_hand(progress: float, minutes: float, text: str) -> None:
    assert time_left(progress, minutes) == text
