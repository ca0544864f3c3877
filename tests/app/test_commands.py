"""The smaller commands, the light start, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from tasvir import registry
from tasvir.app.cli.main import app
from tasvir.errors import WeightsError
from tasvir.guide.base import Guide
from tasvir.layout import read_layout

HEAVY = ("torch", "numpy", "diffusers", "transformers")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["generate", "--help"],
        ["edit", "--help"],
        ["list"],
        ["models", "list"],
        ["suites", "list"],
        ["--version"],
    ],
)
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom tasvir.app.cli.main import app\n"
        f"try: app({arguments!r})\nexcept SystemExit as end: code = end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_every_command_has_help(runner: CliRunner) -> None:
    commands = ["generate", "plan", "judge", "list", "world render", "world evaluate"]
    commands += ["world agreement", "ask", "edit", "explain", "serve guide", "guide copy"]
    commands += ["models list", "models show", "models tiny"]
    commands += ["suites list", "suites show", "suites add", "suites remove"]
    commands += [f"train {model}" for model in ("autoencoder", "generator", "recogniser", "oracle")]
    for command in commands:
        result = runner.invoke(app, [*command.split(), "--help"])
        assert result.exit_code == 0, command


def test_plan_json_can_be_given_back_as_a_layout(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    result = runner.invoke(app, ["plan", "a red car left of a dog", "--json"])
    (tmp_path / "layout.json").write_text(result.stdout)
    layout, report = read_layout(tmp_path / "layout.json")
    assert [thing.phrase for thing in layout.things] == ["a red car", "a dog"]
    assert report.clipped == ()


def test_plan_shows_things_and_boxes(runner: CliRunner, scripted: Any) -> None:
    output = runner.invoke(app, ["plan", "a red car left of a dog"]).stdout
    assert "a red car  0.10  0.50  0.40  0.80" in output.replace("   ", "  ")
    assert "background: park" in output


def test_seeds_out_of_range_are_told(runner: CliRunner, scripted: Any) -> None:
    for command in (["plan", "a dog"], ["world", "render"], ["generate", "a dog"]):
        for seed in ("-1", str(2**32)):
            result = runner.invoke(app, [*command, "--seed", seed])
            assert (result.exit_code, "--seed" in result.stderr) == (2, True), command


def test_plan_revises_with_the_seeds_of_the_loop(
    runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        Guide,
        "revise",
        lambda _, __, layout, *, seed: (asked.append(seed), replace(layout, background=str(seed)))[1],
    )
    runner.invoke(app, ["plan", "a dog", "--seed", "7"])
    planned, asked[:] = list(asked), []
    runner.invoke(app, ["generate", "a dog", "--seed", "7", "--out", str(tmp_path / "a")])
    assert planned == asked
    assert len(planned) == 5


def test_judge_tells_score_reason_and_what_is_missing(
    runner: CliRunner, scripted: Any, tmp_path: Path
) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.jpg")
    output = runner.invoke(app, ["judge", str(tmp_path / "a.jpg"), "a dog"]).stdout
    assert "●●○○○  2 of 5  the dog is missing" in output
    assert "missing: a dog" in output
    data = json.loads(runner.invoke(app, ["judge", str(tmp_path / "a.jpg"), "a dog", "--json"]).stdout)
    assert data == {"score": 2, "reason": "the dog is missing", "missing": ["a dog"]}


def test_judge_of_no_picture(runner: CliRunner, scripted: Any, tmp_path: Path) -> None:
    missing = runner.invoke(app, ["judge", str(tmp_path / "none.png"), "a dog"])
    assert (missing.exit_code, "cannot read the picture" in missing.stderr) == (2, True)
    (tmp_path / "text.png").write_text("no picture")
    broken = runner.invoke(app, ["judge", str(tmp_path / "text.png"), "a dog"])
    assert (broken.exit_code, "is not a picture" in broken.stderr) == (2, True)


def test_judge_of_a_picture_too_large_to_open(
    runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    result = runner.invoke(app, ["judge", str(tmp_path / "a.png"), "a dog"])
    assert (result.exit_code, "give a smaller picture" in result.stderr) == (2, True)


def test_list_knows_its_kinds(runner: CliRunner) -> None:
    output = runner.invoke(app, ["list", "samplers", "--json"]).stdout
    assert "euler" in [row["name"] for row in json.loads(output)["samplers"]]
    wrong = runner.invoke(app, ["list", "gides"])
    assert wrong.exit_code == 2
    assert "guides" in wrong.stderr


def test_other_failures_exit_with_1(
    runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(kind: str, name: str) -> Any:
        raise WeightsError("guide.safetensors was altered: install tasvir again")

    monkeypatch.setattr(registry, "load", broken)
    result = runner.invoke(app, ["plan", "a dog"])
    assert result.exit_code == 1
    assert "error: " in result.stderr
    assert "install tasvir again" in result.stderr


def test_ctrl_c_exits_with_130(runner: CliRunner, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(kind: str, name: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "load", stop)
    assert runner.invoke(app, ["plan", "a dog"]).exit_code == 130
