"""`tasvir suites`: list, show, add, remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tasvir.app.cli.main import app

TABLE = "A green kettle.\tColors \nFour spoons.\tCounting\nA cup.\tColors\n"


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TASVIR_DATA", str(tmp_path / "data"))
    (tmp_path / "table.tsv").write_text(TABLE)
    return tmp_path


def call(runner: CliRunner, *arguments: str | Path) -> Result:
    return runner.invoke(app, ["suites", *map(str, arguments)])


def rows(runner: CliRunner) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(call(runner, "list", "--json").stdout)}


def test_a_suite_comes_is_shown_and_goes(runner: CliRunner, data: Path) -> None:
    assert rows(runner)["drawbench"]["rows"] is None
    assert "tasvir suites add drawbench" in call(runner, "list").stdout
    added = call(runner, "add", "drawbench", "--from", data / "table.tsv", "--accept")
    assert added.exit_code == 0 and "drawbench: 3 prompts in 2 categories" in added.stdout
    assert "note: table.tsv: spaces at the ends of 1 categories taken off" in added.stderr
    assert "warning: category 'Colors' has 2 prompts, published are 25" in added.stderr
    assert rows(runner)["drawbench"]["rows"] == 3
    shown = call(runner, "show", "drawbench", "--category", "Colors")
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["000", "002"]
    assert call(runner, "remove", "drawbench").exit_code == 0
    assert rows(runner)["drawbench"]["rows"] is None


def test_add_in_json(runner: CliRunner, data: Path) -> None:
    told = json.loads(
        call(runner, "add", "drawbench", "--from", data / "table.tsv", "--accept", "--json").stdout
    )
    assert (told["rows"], told["version"], told["categories"]) == (3, None, {"Colors": 2, "Counting": 1})
    assert Path(told["folder"]) == data / "data" / "suites" / "drawbench"


def test_show_takes_samples_and_facts(runner: CliRunner, data: Path) -> None:
    shown = call(runner, "show", "world", "--sample", "1-per-category", "--sample-seed", "7", "--json")
    entries = [json.loads(line) for line in shown.stdout.splitlines()]
    assert len(entries) == len({entry["category"] for entry in entries}) == 6
    assert all(entry["facts"]["description"] for entry in entries)
    other = call(runner, "show", "world", "--sample", "1-per-category", "--sample-seed", "8", "--json")
    assert other.stdout != shown.stdout
    (data / "my.csv").write_text("prompt,category\na dog,x\na cat,y\n")
    assert call(runner, "show", f"file:{data / 'my.csv'}", "--limit", "1").stdout.split()[0] == "0000-a-dog"


def test_list_shows_every_suite_and_the_world_at_once(runner: CliRunner) -> None:
    found = rows(runner)
    assert set(found) >= {"world", "drawbench", "t2i-compbench", "geneval", "parti", "rls-300", "file"}
    assert found["world"]["rows"] == 600 and found["file"]["rows"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["add", "drawbench"], 2, "say with --from .*raw.githubusercontent.com"),
        (["add", "drawbnch", "--from", "x"], 2, "did you mean 'drawbench'"),
        (["add", "world", "--from", "x"], 2, "needs no import"),
        (["add", "drawbench", "--from", "table.tsv"], 2, "published are 25.*--accept"),
        (["add", "drawbench", "--from", "http://127.0.0.1:1/a"], 1, "download it by hand"),
        (["show", "parti"], 2, "tasvir suites add parti"),
        (["show", "world", "--category", "no"], 2, "no category 'no': expected one of"),
        (["show", "world", "--sample", "half"], 2, "expected N-per-category or N"),
        (["remove", "parti"], 2, "no suite 'parti' was imported"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], code: int, told: str, runner: CliRunner, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    monkeypatch.chdir(data)
    monkeypatch.setenv("NO_PROXY", "*")
    result = call(runner, *arguments)
    assert result.exit_code == code, result.output
    assert re.search(told, result.stderr, re.DOTALL), result.stderr
