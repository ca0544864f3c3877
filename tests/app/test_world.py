"""`tasvir world`: scenes as pictures, which arms an evaluation runs, and a person's answers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.bench import evaluation, kept
from tasvir.bench.lines import append_line
from tasvir.records import Picture


class NoResult:
    def to_dict(self) -> dict[str, Any]:
        return {"arms": {}}

    def to_text(self) -> str:
        return "nothing"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any]]]:
    """What the command asked `evaluate_world` for."""
    calls: list[tuple[list[str], dict[str, Any]]] = []

    def record(arms: list[str], **settings: Any) -> NoResult:
        calls.append((arms, settings))
        return NoResult()

    monkeypatch.setattr(evaluation, "evaluate_world", record)
    return calls


@pytest.mark.parametrize(
    ("options", "arms"),
    [
        ([], ["unguided", "loop"]),
        (["--both"], ["unguided", "loop"]),
        (["--guided"], ["loop"]),
        (["--unguided"], ["unguided"]),
        (["--arm", "layout", "--arm", "loop"], ["layout", "loop"]),
        (["--guided", "--arm", "best-of-n"], ["loop", "best-of-n"]),
    ],
)
def test_evaluate_runs_the_arms_asked_for(
    runner: CliRunner, asked: list[tuple[list[str], dict[str, Any]]], options: list[str], arms: list[str]
) -> None:
    result = runner.invoke(app, ["world", "evaluate", *options, "--part", "1/2", "--limit", "6", "--json"])
    assert json.loads(result.stdout) == {"arms": {}}
    assert asked[0][0] == arms
    assert (asked[0][1]["part"], asked[0][1]["limit"]) == ((1, 2), 6)


@pytest.mark.parametrize("part", ["2/2", "1", "a/b", "0/0", "-1/2"])
def test_a_wrong_part_is_refused(runner: CliRunner, asked: list[Any], part: str) -> None:
    result = runner.invoke(app, ["world", "evaluate", f"--part={part}"])
    assert result.exit_code == 2
    assert "expected I/N" in result.stderr
    assert asked == []


def test_render_repeats_itself_by_seed(runner: CliRunner, tmp_path: Path) -> None:
    for name in ("a", "b"):
        command = [
            "world",
            "render",
            "-n",
            "2",
            "--seed",
            "5",
            "--size",
            "64x48",
            "--out",
            str(tmp_path / name),
        ]
        result = runner.invoke(app, command)
        assert result.exit_code == 0, result.output
    for index in (5, 6):
        first, second = (Image.open(tmp_path / name / f"scene-{index}.png") for name in ("a", "b"))
        assert first.size == (64, 48)
        assert first.tobytes() == second.tobytes()
        assert f"scene-{index}.png  {first.text['prompt']}" in result.stdout


def test_rescoring_draws_nothing_and_needs_a_folder(
    runner: CliRunner, asked: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders: list[Path] = []

    def record(out: Path, **settings: Any) -> NoResult:
        folders.append(out)
        return NoResult()

    monkeypatch.setattr(evaluation, "rescore", record)
    result = runner.invoke(
        app, ["world", "evaluate", "--both", "--out", str(tmp_path), "--rescore", "--json"]
    )
    assert json.loads(result.stdout) == {"arms": {}}
    assert (folders, asked) == ([tmp_path], [])
    without = runner.invoke(app, ["world", "evaluate", "--rescore"])
    assert (without.exit_code, "--out" in without.stderr, asked) == (2, True, [])


def test_a_person_s_answers_are_sampled_and_measured(runner: CliRunner, tmp_path: Path) -> None:
    run, sample = tmp_path / "run", tmp_path / "sample"
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "PNG")
    for number in range(4):
        kept.write_picture(run, "loop", f"spatial-{number}", Picture(buffer.getvalue(), 16, 16))
        row = {"id": f"spatial-{number}", "category": "spatial", "arm": "loop", "seed": 0, "text": "a dog"}
        append_line(run / kept.RESULTS, {**row, "correct": number % 2 == 0, "models": {}})
    command = ["world", "agreement", str(run)]
    result = runner.invoke(app, [*command, "--sample", "4", "--arm", "loop", "--out", str(sample)])
    assert result.exit_code == 0, result.output
    assert (sample / "sheet-1.png").exists() and str(sample / "answers.csv") in result.stdout
    form = sample / "answers.csv"
    form.write_text(
        "".join(
            f"{line}yes\n" if line[0].isdigit() else f"{line}\n" for line in form.read_text().splitlines()
        )
    )
    result = runner.invoke(app, [*command, "--answers", str(form)])
    assert result.stdout.startswith("agreement: 0.500, 95 % interval [")
    assert "person yes, oracle no: 2\n" in result.stdout
    assert json.loads((sample / "agreement.json").read_text())["n"] == 4


@pytest.mark.parametrize(
    "options", [[], ["--sample", "3"], ["--sample", "3", "--out", "x", "--answers", "y"]]
)
def test_agreement_wants_either_a_sample_or_answers(runner: CliRunner, options: list[str]) -> None:
    result = runner.invoke(app, ["world", "agreement", "run", *options])
    assert (result.exit_code, "either --sample N with --out DIR" in result.stderr) == (2, True)
