"""`tasvir lab multimodal gaussians` as typed: options reach the protocol, rows the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tasvir.app.cli.main import app

COMMAND = ["lab", "multimodal", "gaussians", "--seeds", "2", "--threads", "1", "--device", "cpu"]
SMALL = [*COMMAND, "--examples", "200", "--test", "100", "--epochs", "2"]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)


def test_options_reach_the_protocol(runner: CliRunner, tmp_path: Path) -> None:
    words = (
        "--expert moe poe --weights fixed:1,1,1 generated:weak --scale 0 --measure kernel --correlation 0.5"
    )
    told = runner.invoke(app, [*SMALL, *words.split(), "--out", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    rules = [json.loads(line)["expert"] for line in told.stdout.splitlines() if line.startswith("{")]
    assert rules == ["moe", "poe"]
    kept = json.loads((tmp_path / "gaussians-moe" / "results.json").read_text("utf-8"))
    assert kept["weightings"] == ["fixed:1,1,1", "generated:weak"]
    wanted = {"scale": None, "measure": "kernel", "correlation": 0.5, "examples": 200, "spread": "variance"}
    assert wanted.items() <= kept["protocol"].items()


def test_what_cannot_be_is_said(runner: CliRunner, tmp_path: Path) -> None:
    told = runner.invoke(app, [*SMALL, "--spread", "width", "--out", str(tmp_path)])
    assert told.exit_code != 0
    assert "variance, deviation" in told.output + str(told.exception)
    assert not list(tmp_path.iterdir())
