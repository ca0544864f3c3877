"""`tasvir generate` on scripted models: what it writes, what it says, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from tasvir import registry
from tasvir.app.cli.main import app
from tasvir.errors import LanguageError
from tasvir.guide.base import Guide
from tasvir.report.traces import load_trace

PROMPT = "a red car left of a dog"


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to open a model fails the test."""

    def refuse(kind: str, name: str) -> Any:
        raise AssertionError(f"{kind} {name} was opened")

    monkeypatch.setattr(registry, "load", refuse)


def test_folder_holds_every_picture_and_the_best(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    result = runner.invoke(app, ["generate", PROMPT, "--seed", "7", "--out", str(tmp_path / "a")])
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["picture.png", "round-0.png", "round-1.png", "trace.html", "trace.json"]
    trace = load_trace(tmp_path / "a")
    assert (trace.finished, trace.best_index) == ("good", 1)
    assert [attempt.verdict.score for attempt in trace.attempts if attempt.verdict] == [2, 5]
    best = Image.open(tmp_path / "a" / "picture.png")
    assert best.tobytes() == Image.open(tmp_path / "a" / "round-1.png").tobytes()
    assert best.text["prompt"] == PROMPT
    assert best.text["score"] == "5"
    assert json.loads(best.text["layout"])["things"][1]["box"] == [0.55, 0.4, 0.95, 0.8]
    assert json.loads(best.text["models"]) == {
        "guide": "scripted",
        "judge": "scripted",
        "generator": "scripted",
    }
    assert Image.open(tmp_path / "a" / "round-0.png").text["score"] == "2"


def test_progress_tells_each_step(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    output = runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path / "a")]).output
    steps = [line.split()[0] for line in output.splitlines() if line.startswith("  ") and line[2] != " "]
    assert steps == ["plan", "revise", "draw", "judge", "redesign", "draw", "judge", "done"]
    assert "2 of 5  the dog is missing" in output
    assert "picture 2 of 2 is the best" in output


def test_a_generators_steps_are_shown(scripted: Any) -> None:
    from tasvir.app.cli.progress import Progress
    from tasvir.loop import Event
    from tasvir.records import Prompt, Trace

    progress = Progress()
    progress(Event("draw", 0, Trace(Prompt("a dog"), 0)))
    progress.tell_step(3, 20, None)
    assert progress._status.status == "drawing picture 1, step 3 of 20 ..."


def test_json_is_all_of_stdout(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    result = runner.invoke(app, ["generate", PROMPT, "--json", "--out", str(tmp_path / "a")])
    data = json.loads(result.stdout)
    assert data["best_index"] == 1
    assert data["folder"] == str(tmp_path / "a")
    assert "the dog is missing" in result.stderr


def test_n_pictures_go_to_subfolders_by_seed(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    command = ["generate", PROMPT, "-n", "3", "--seed", "4", "--json", "--out", str(tmp_path)]
    result = runner.invoke(app, command)
    assert [trace["seed"] for trace in json.loads(result.stdout)] == [4, 5, 6]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed-4", "seed-5", "seed-6"]


def test_switches_reach_the_loop(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    command = ["generate", PROMPT, "--unguided", "--size", "64x32", "--json", "--out", str(tmp_path / "a")]
    plain = json.loads(runner.invoke(app, command).stdout)
    assert plain["drafts"] == []
    assert plain["attempts"][0]["layout"] is None
    assert (plain["attempts"][0]["picture"]["width"], plain["attempts"][0]["picture"]["height"]) == (64, 32)
    command = [
        "generate",
        PROMPT,
        "--no-judge",
        "--no-redesign",
        "--no-revise",
        "--json",
        "--out",
        str(tmp_path / "b"),
    ]
    single = json.loads(runner.invoke(app, command).stdout)
    assert len(single["drafts"]) == 1
    assert single["finished"] == "single"
    assert single["attempts"][0]["verdict"] is None


def test_layout_file_is_drawn_instead_of_a_plan(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    things = [{"phrase": "a blue bus", "box": [0.2, 0.2, 0.9, 0.7]}]
    (tmp_path / "layout.json").write_text(json.dumps({"things": things, "background": None}))
    command = [
        "generate",
        PROMPT,
        "--layout",
        str(tmp_path / "layout.json"),
        "--json",
        "--out",
        str(tmp_path / "a"),
    ]
    data = json.loads(runner.invoke(app, command).stdout)
    assert data["drafts"][0]["things"] == things
    assert data["attempts"][0]["layout"]["things"] == things


def test_a_second_run_replaces_the_trace_and_leaves_no_old_rounds(
    runner: CliRunner, scripted: Any, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    runner.invoke(app, ["generate", PROMPT, "--out", str(out)])
    assert (out / "round-1.png").exists()
    runner.invoke(app, ["generate", PROMPT, "--unguided", "--out", str(out)])
    assert not (out / "round-1.png").exists()
    assert load_trace(out).finished == "single"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([""], "the prompt is empty"),
        (["a dog " * 5000], "10000 words, at most 200"),
        ([PROMPT, "--rounds", "0"], "rounds is 0: give a whole number from 1 to 50"),
        ([PROMPT, "--good", "6"], "good is 6"),
        ([PROMPT, "--steps", "0"], "steps is 0"),
        ([PROMPT, "--size", "big"], "--size 'big'"),
        ([PROMPT, "--size", "8x8"], "16 to 4096"),
        ([PROMPT, "--device", "toaster"], "--device 'toaster'"),
        ([PROMPT, "--guide", "embeded"], "no guide is called 'embeded'"),
        ([PROMPT, "--generator", "nothing"], "no generator is called 'nothing'"),
        ([PROMPT, "--judge", "nobody"], "no guide is called 'nobody'"),
    ],
)
def test_wrong_input_is_told_before_a_model_is_opened(
    runner: CliRunner, no_models: None, tmp_path: Path, arguments: list[str], told: str
) -> None:
    result = runner.invoke(app, ["generate", *arguments, "--out", str(tmp_path / "a")])
    assert result.exit_code == 2
    assert told in result.stderr
    assert not (tmp_path / "a").exists()


def test_all_problems_of_a_layout_file_are_listed(runner: CliRunner, no_models: None, tmp_path: Path) -> None:
    things = [
        {"phrase": "a cat", "box": [0.5, 0.1, 0.2, 0.9]},
        {"phrase": "", "box": [0.1, 0.1, 0.5, 0.5]},
        {"phrase": "a dog", "box": [0.3, 0.3, 1.6, 0.35]},
    ]
    (tmp_path / "layout.json").write_text(json.dumps({"things": things}))
    command = ["generate", PROMPT, "--layout", str(tmp_path / "layout.json"), "--out", str(tmp_path / "a")]
    result = runner.invoke(app, command)
    assert result.exit_code == 2
    for told in ("layout.json", "thing 0 ('a cat')", "thing 1 has no phrase", "thing 2 ('a dog'): x1 = 1.6"):
        assert told in result.stderr


@pytest.mark.parametrize("name", ["file/a", "long" * 100])
def test_an_unwritable_folder_is_told_before_a_model_is_opened(
    runner: CliRunner, no_models: None, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path / name)])
    assert result.exit_code == 1
    assert "cannot write to the folder" in result.stderr
    assert "--out" in result.stderr


def test_a_folder_of_other_files_is_not_touched(runner: CliRunner, no_models: None, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "nothing was touched" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_ctrl_c_keeps_what_was_drawn(
    runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop_at_second(drawn: int) -> None:
        if drawn == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(scripted, "before_drawing", staticmethod(stop_at_second))
    result = runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path / "a")])
    assert result.exit_code == 130
    assert "what was drawn stays" in result.stderr
    trace = load_trace(tmp_path / "a")
    assert (trace.finished, len(trace.attempts), trace.best_index) == ("interrupted", 1, 0)
    assert (tmp_path / "a" / "picture.png").exists()
    assert "stopped before its end" in (tmp_path / "a" / "trace.html").read_text()


def test_a_run_with_nothing_to_show_leaves_the_earlier_trace_alone(
    runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A prompt that the guide cannot read, or Ctrl-C while it plans: nothing is replaced, nothing is made."""
    runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path / "a")])
    for problem, code in ((LanguageError("no such word"), 2), (KeyboardInterrupt(), 130)):

        def refuse(*_: Any, problem: BaseException = problem, **__: Any) -> Any:
            raise problem

        monkeypatch.setattr(Guide, "plan", refuse)
        for folder in ("a", "b"):
            result = runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path / folder)])
            assert result.exit_code == code
        assert load_trace(tmp_path / "a").finished == "good"
        assert not (tmp_path / "b").exists()


def test_a_kill_leaves_a_valid_trace(
    runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While the second picture is being drawn, the folder already holds all of the first."""
    seen = []

    def look(drawn: int) -> None:
        if drawn == 1:
            seen.append(load_trace(tmp_path / "a"))

    monkeypatch.setattr(scripted, "before_drawing", staticmethod(look))
    runner.invoke(app, ["generate", PROMPT, "--out", str(tmp_path / "a")])
    assert [attempt.verdict.score for attempt in seen[0].attempts if attempt.verdict] == [2]
