"""`tasvir lab multimodal image-label` and `sensitivity` as typed: nothing in vain, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from tasvir.app.cli.main import app
from tasvir.lab.multimodal.experiments.results import read_results
from tasvir.models import multimodal_runs

SMALL = ["--seeds", "1", "--examples", "40", "--epochs", "2", "--hidden", "8", "--threads", "1"]
ROWS = ["--weights", "fixed:1,1", "generating:weak"]


@pytest.fixture(autouse=True)
def _small_classifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TASVIR_DATA", str(tmp_path / "user"))
    monkeypatch.setattr("tasvir.lab.classifier.STEPS", 5)
    yield
    torch.set_flush_denormal(False)


def image_label(runner: CliRunner, out: Path, *words: str) -> Result:
    asked = ["lab", "multimodal", "image-label", "--device", "cpu", *SMALL, *ROWS, "--out", str(out), *words]
    return runner.invoke(app, asked)


def test_stdout_is_json_and_nothing_else(runner: CliRunner, tmp_path: Path) -> None:
    told = image_label(runner, tmp_path / "out", "--data", "digits", "--expert", "poe", "moe", "--json")
    assert told.exit_code == 0, told.output
    tables = [json.loads(line)["table"] for line in told.stdout.splitlines()]
    assert tables == ["image-label-poe-digits", "image-label-moe-digits"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--data", "digits", "--expert", "poe", "mole"), "did you mean 'moe'"),
        (("--data", "digits", "--data", "nowhere", "--expert", "poe"), "no data are called 'nowhere'"),
        (("--data", "digits", "--data", "2d:moons", "--expert", "poe"), "no pictures with classes"),
        (("--data", "digits", "--expert", "poe", "--examples", "2000"), "1500 training examples"),
        (("--data", "digits", "--expert", "poe", "--weights", "fixed:1,2,3"), "3 weights for 2 modalities"),
        (("--data", "digits", "--expert", "poe", "--lr", "nan"), "lr is nan"),
        (("--data", "digits", "--expert", "poe", "--beta", "nan"), "beta is nan"),
    ],
)
def test_what_cannot_be_is_said_before_any_training(
    runner: CliRunner, tmp_path: Path, words: tuple[str, ...], wanted: str
) -> None:
    told = image_label(runner, tmp_path / "out", *words)
    assert told.exit_code == 2 and wanted in told.stderr.replace("\n", " "), told.output
    assert not (tmp_path / "out").exists()


def test_ctrl_c_while_measuring_loses_nothing(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--data", "digits", "--expert", "poe")

    def pressed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(multimodal_runs, "cross_entropies", pressed)
        stopped = image_label(runner, tmp_path / "stopped", *words)
    assert stopped.exit_code == 130 and "To go on" in stopped.stderr
    assert image_label(runner, tmp_path / "stopped", *words).exit_code == 0
    assert image_label(runner, tmp_path / "whole", *words).exit_code == 0
    again, whole = (read_results(tmp_path / name / "image-label-poe-digits") for name in ("stopped", "whole"))
    assert again.figures == whole.figures and again.history == whole.history


def test_a_change_that_data_are_too_few_for_is_left_out_and_said(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("tasvir.models.multimodal_runs", "tasvir.lab.multimodal.experiments.sensitivity"):
        monkeypatch.setattr(f"{module}.CHANGES", ({}, {"latent": 2}, {"examples": 5000}))
    monkeypatch.setattr(multimodal_runs, "IMAGE_LABEL", multimodal_runs.Training(1, 500, 1e-3, 1))
    asked = ["lab", "multimodal", "sensitivity", "--data", "digits", "--expert", "poe", "--seeds", "1"]
    told = runner.invoke(app, [*asked, "--device", "cpu", "--out", str(tmp_path / "out"), "--json"])
    assert told.exit_code == 0, told.output
    assert [row["changed"] for row in json.loads(told.stdout)["changes"]] == [{}, {"latent": 2}]
    assert "left out, too few examples for examples 5000" in told.stderr
