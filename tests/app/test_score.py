"""`tasvir score` and `tasvir pictures export`: more metrics on a run, pictures of others in and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tasvir.app.cli.main import app
from tasvir.bench.reading import load_results

Command = Callable[..., Result]


@pytest.fixture
def command(runner: CliRunner, bench_plugins: Any) -> Command:
    def run(*words: object, code: int = 0) -> Result:
        result = runner.invoke(app, [str(word) for word in words])
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Pictures of two prompts, one of them twice, one transparent, and one that is broken."""
    folder = tmp_path / "others"
    folder.mkdir()
    Image.new("RGB", (8, 8), (255, 0, 0)).save(folder / "few-0_0.png")
    Image.new("RGB", (8, 8), (51, 0, 0)).save(folder / "few-0_1.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(folder / "few-1.png")
    (folder / "few-2.png").write_bytes((folder / "few-0_0.png").read_bytes()[:40])
    return folder


def test_a_run_is_scored_by_more_and_nothing_is_drawn(
    command: Command, tmp_path: Path, bench_plugins: Any
) -> None:
    run = tmp_path / "run"
    command("bench", "few", "--models", "painter", "--limit", "2", "--out", run)
    bench_plugins.Painter.drawn.clear()
    told = json.loads(command("score", run, "--metrics", "redness", "counting", "--json").stdout)
    assert bench_plugins.Painter.drawn == []
    assert [row["metric"] for row in told["means"]] == ["redness"] and told["sets"][0]["score"]["n"] == 2
    assert all(cell.scores["redness"].value is not None for cell in load_results(run).cells)


def test_pictures_of_others_become_a_column(command: Command, tmp_path: Path, others: Path) -> None:
    run = tmp_path / "run"
    words = ("score", run, "--pictures", others, "--suite", "few", "--name", "theirs", "--metrics", "redness")
    result = command(*words, code=1)
    assert "few-2.png is not a picture that can be read" in " ".join(result.output.split())
    cells = {(cell.prompt, cell.seed): cell for cell in load_results(run).cells}
    assert {key: cell.scores["redness"].value for key, cell in cells.items() if cell.picture} == {
        ("few-0", 0): pytest.approx(1.0),
        ("few-0", 1): pytest.approx(0.2),
        ("few-1", 0): pytest.approx(1.0),  # what is transparent is white
    }
    assert cells["few-2", 0].picture is None and "not a picture" in cells["few-2", 0].reason
    assert load_results(run).models[0].spec == "pictures"


def test_a_picture_that_was_mended_takes_the_place_of_the_broken_one(
    command: Command, tmp_path: Path, others: Path
) -> None:
    run = tmp_path / "run"
    words = ("score", run, "--pictures", others, "--suite", "few", "--name", "theirs", "--metrics", "redness")
    command(*words, code=1)
    Image.new("RGB", (8, 8), (102, 0, 0)).save(others / "few-2.png")
    Image.new("RGB", (8, 8), (204, 0, 0)).save(others / "few-0_0.png")
    command(*words)
    cells = {(cell.prompt, cell.seed): cell for cell in load_results(run).cells}
    assert cells["few-2", 0].scores["redness"].value == pytest.approx(0.4)
    assert cells["few-0", 0].scores["redness"].value == pytest.approx(0.8)
    assert len(cells) == 4


def test_models_are_drawn_beside_pictures_of_others(command: Command, tmp_path: Path, others: Path) -> None:
    run = tmp_path / "run"
    words = ("score", run, "--pictures", others, "--suite", "few", "--name", "theirs", "--metrics", "redness")
    command(*words, code=1)
    command("bench", "--models", "painter", "--out", run, code=1)  # theirs still lacks one
    drawn = [cell for cell in load_results(run).cells if cell.model == "painter"]
    assert {cell.prompt for cell in drawn} == {"few-0", "few-1", "few-2"}
    assert all(cell.scores["redness"].value is not None for cell in drawn)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--metrics", "redness"), 2, "holds no run"),
        (("--suite", "few"), 2, "give that too"),
        (("--pictures", "{others}", "--suite", "few"), 2, "--pictures needs"),
        (("--pictures", "{others}/gone", "--suite", "few", "--name", "a"), 2, "no folder of pictures"),
        (("--pictures", "{others}", "--suite", "nothing", "--name", "a"), 2, "no suite is called"),
        (("--pictures", "{others}", "--suite", "few", "--name", "a", "--as", "zip"), 2, "no layout"),
    ],
)
def test_what_is_wrong_is_told(
    command: Command, tmp_path: Path, others: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    run = tmp_path / "run"
    result = command("score", run, *(word.format(others=others) for word in words), code=code)
    assert message in " ".join(result.output.split())
    assert not run.exists()


def test_what_is_exported_can_be_scored_again(command: Command, tmp_path: Path) -> None:
    run, out, again = tmp_path / "run", tmp_path / "out", tmp_path / "again"
    words = ("bench", "few", "--models", "painter", "b=painter:blue", "--metrics", "redness", "--out", run)
    command(*words, "--sweep", "steps=2,3")
    export = ("pictures", "export", run, "--as", "t2i-compbench", "--out", out)
    assert "name one with --model" in command(*export, code=2).output
    assert "several settings" in " ".join(command(*export, "--model", "b", code=2).output.split())
    command(*export, "--model", "b", "--sweep", "steps=3")
    named = ("--suite", "few", "--name", "b", "--as", "t2i-compbench", "--metrics", "redness")
    command("score", again, "--pictures", out, *named)
    first = {
        cell.prompt: cell.scores["redness"].value
        for cell in load_results(run).cells
        if (cell.model, cell.settings) == ("b", {"steps": 3})
    }
    assert {cell.prompt: cell.scores["redness"].value for cell in load_results(again).cells} == first
