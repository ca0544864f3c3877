"""`tasvir report`: what it writes and says, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from results_builder import build_results
from run_builder import write_run
from typer.testing import CliRunner

from tasvir.app.cli.main import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_run(folder, build_results({"good": 0.9, "fair": 0.5, "fair-tuned": 0.6}, prompts=6, seeds=(0,)))
    return folder


def test_a_run_is_written_up(runner: CliRunner, folder: Path) -> None:
    result = runner.invoke(app, ["report", str(folder), "--language", "tr", "--title", "Üç model"])
    assert result.exit_code == 0, result.output
    files = sorted(path.name for path in (folder / "report").iterdir() if path.is_file())
    assert files == ["report.html", "report.md", "tables.csv", "tables.json", "tables.tex"]
    for name in files:
        assert str(folder / "report" / name) in result.output
    page = (folder / "report" / "report.html").read_text("utf-8")
    assert '<html lang="tr">' in page
    assert "<title>Üç model · tasvir</title>" in page
    again = runner.invoke(app, ["report", str(folder), "--format", "csv"])
    assert again.exit_code == 0, "the report in the run's folder is no obstacle"


def test_json_and_another_folder(runner: CliRunner, folder: Path, tmp_path: Path) -> None:
    command = ["report", str(folder), "--out", str(tmp_path / "out"), "--format", " json , html ", "--json"]
    result = runner.invoke(app, command)
    assert result.exit_code == 0, result.output
    files = json.loads(result.stdout)["files"]
    assert [Path(file).name for file in files] == ["tables.json", "report.html"]
    data = json.loads(Path(files[0]).read_text("utf-8"))
    assert data["format"] == "tasvir-tables/1"
    assert any(said["key"] == "lead.first" and "good" in said["text"] for said in data["statements"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "docx"], "expected some of html, md, pdf, csv, tex, json"),
        (["--format", ","], "expected some of html"),
        (["--language", "fr"], "expected one of en, tr, zh"),
        (["--embed", "some"], "expected thumbnails or all"),
    ],
)
def test_wrong_options(runner: CliRunner, folder: Path, arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["report", str(folder), *arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_no_run(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 1
    assert "holds no run" in " ".join(result.output.split())
