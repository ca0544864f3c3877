"""`tasvir generate --prompts`: a folder each, results a line each, resumed, mistakes told by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.bench.lines import read_lines
from tasvir.bench.prompt_file import read_prompts
from tasvir.errors import SettingError


def command(file: Path, out: Path, *more: str) -> list[str]:
    return ["generate", "--prompts", str(file), "--out", str(out), *more]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.txt"
    file.write_text("# three of them\na red car left of a dog\n\na dog\na red car\n", encoding="utf-8")
    return file


def rows(out: Path) -> list[dict[str, Any]]:
    return read_lines(out / "results.jsonl")


def test_every_prompt_has_its_folder_and_its_line(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    result = runner.invoke(app, command(three, out, "--seed", "5", "--json"))
    assert result.exit_code == 0, result.output
    names = ["0000-a-red-car-left-of-a-dog", "0001-a-dog", "0002-a-red-car"]
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == names
    assert all((out / name / "trace.html").is_file() for name in names)
    assert [(row["id"], row["seed"], row["score"], row["error"]) for row in rows(out)] == [
        (name, 5, 5, None) for name in names
    ]
    assert [row["id"] for row in json.loads(result.stdout)["results"]] == names


def test_the_same_command_goes_on_and_another_needs_another_folder(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert runner.invoke(app, command(three, out)).exit_code == 0
    before = (out / "results.jsonl").read_text()
    (out / "results.jsonl").write_text("".join(before.splitlines(keepends=True)[:1]) + '{"id": "0001-a-d')
    again = runner.invoke(app, command(three, out))
    assert again.exit_code == 0, again.output
    assert [row["id"] for row in rows(out)[-2:]] == ["0001-a-dog", "0002-a-red-car"]
    assert "3 of 3 prompts done" in again.output
    other = runner.invoke(app, command(three, out, "--rounds", "2"))
    assert other.exit_code == 2
    assert "rounds was 5, now 2" in other.output
    warmer = runner.invoke(app, command(three, out, "--temperature", "0.5", "--timeout", "9"))
    assert warmer.exit_code == 2
    assert "(temperature was 0.0, now 0.5)" in warmer.output


def test_a_command_that_opens_no_model_leaves_no_run(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path
) -> None:
    """So that a name can be mended and the same folder be used."""
    out = tmp_path / "run"
    assert runner.invoke(app, command(three, out, "--guide", "embeded")).exit_code == 2
    assert not out.exists()
    assert runner.invoke(app, command(three, out)).exit_code == 0


def test_a_failed_prompt_is_told_and_tried_again(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasvir.errors import ServiceError

    def gone(drawn: int) -> None:
        if drawn == 4:
            raise ServiceError("the server is gone")

    out = tmp_path / "run"
    monkeypatch.setattr(scripted, "before_drawing", staticmethod(gone))
    first = runner.invoke(app, command(three, out))
    assert first.exit_code == 1
    assert "1 failed" in first.output and "ServiceError: the server is gone" in first.output
    monkeypatch.setattr(scripted, "before_drawing", staticmethod(lambda drawn: None))
    second = runner.invoke(app, command(three, out))
    assert second.exit_code == 0, second.output
    assert len(rows(out)) == 4 and "3 of 3 prompts done, 0 failed" in second.output


def test_ctrl_c_keeps_what_is_done(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(drawn: int) -> None:
        if drawn == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(scripted, "before_drawing", staticmethod(stop))
    stopped = runner.invoke(app, command(three, tmp_path / "run"))
    assert stopped.exit_code == 130
    assert "goes on from here" in stopped.output and "Ctrl-C again leaves them" in stopped.output
    assert rows(tmp_path / "run")[0]["finished"] == "good"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "# nothing\n", "holds no prompts"),
        ("a.txt", "a dog\n" + "word " * 201, "line 2: the prompt has 201 words"),
        ("a.jsonl", '{"prompt": "a dog"}\n{"words": "a"}', "line 2: no 'prompt' in it"),
        ("a.jsonl", "[1]", "line 1: expected an object"),
        ("a.jsonl", '{"prompt": "a dog", "id": "../x"}', "line 1: the id '../x' is no folder name"),
        (
            "a.jsonl",
            '{"prompt": "a", "id": "x"}\n{"prompt": "b", "id": "x"}',
            "line 2: the id 'x' comes twice",
        ),
        ("a.jsonl", '{"prompt": "a", "seed": "many"}', "line 1: 'seed' is 'many'"),
        ("a.jsonl", '{"prompt": "a", "seed": -1}', "line 1: 'seed' is -1"),
        ("a.jsonl", '{"prompt": "a", "seed": 1.5}', "line 1: 'seed' is 1.5"),
        ("a.jsonl", '{"prompt": null}', "line 1: no 'prompt' in it that is a text"),
        ("a.jsonl", '{"prompt": "a \\ud800"}', "line 1: .*surrogates not allowed"),
        ("a.jsonl", "[" * 100_000, "line 1: maximum recursion depth"),
        ("a.jsonl", '{"prompt": "a", "id": "results.jsonl"}', "line 1: the id 'results.jsonl' is no folder"),
        ("a.jsonl", '{"prompt": "a", "id": "a\\u0000"}', "line 1: the id .* is no folder name"),
    ],
)
def test_wrong_files_are_told_by_line(name: str, text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=told.replace("[", r"\[")):
        read_prompts(file, 0)


def test_a_line_ends_where_json_lines_end(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes('{"prompt": "a dog\u2028and a car"}\r\n{"prompt": "a car", "id": 0}\r\n'.encode())
    assert [(task.id, task.prompt.text) for task in read_prompts(file, 3)] == [
        ("0000-a-dog-and-a-car", "a dog\u2028and a car"), ("0", "a car")
    ]  # fmt: skip


def test_prompt_and_file_exclude_each_other(runner: CliRunner, three: Path) -> None:
    both = runner.invoke(app, ["generate", "a dog", "--prompts", str(three)])
    assert both.exit_code == 2 and "leave out PROMPT" in both.output
    neither = runner.invoke(app, ["generate"])
    assert neither.exit_code == 2 and "name a file with --prompts" in neither.output


def test_pictures_are_kept_until_all_prompts_are_done(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt that was stopped goes on with the very pictures that it had, so nothing is asked twice."""

    def stop(drawn: int) -> None:
        if drawn == 3:
            raise KeyboardInterrupt

    drawn: list[int] = []
    monkeypatch.setattr(scripted, "before_drawing", staticmethod(stop))
    assert runner.invoke(app, command(three, tmp_path / "run")).exit_code == 130
    assert len(list((tmp_path / "run" / "drawn").glob("*.png"))) == 3
    monkeypatch.setattr(scripted, "before_drawing", staticmethod(drawn.append))
    assert runner.invoke(app, command(three, tmp_path / "run")).exit_code == 0
    assert len(drawn) == 3 * 2 - 3
    assert not (tmp_path / "run" / "drawn").exists()


def test_one_process_at_a_time_is_at_work_in_a_folder(
    runner: CliRunner, scripted: Any, three: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert runner.invoke(app, command(three, out)).exit_code == 0
    (out / "results.jsonl").unlink()
    with FileLock(out / "run.lock"):
        refused = runner.invoke(app, command(three, out))
    assert refused.exit_code == 2 and "another process is at work" in refused.output
    assert runner.invoke(app, command(three, out)).exit_code == 0
