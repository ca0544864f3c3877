"""`tasvir lab families` as typed: a table, a page from its numbers, a picture, and going on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from tasvir.app.cli.main import app

SMALL = ["--steps", "3", "-n", "40", "--held-out", "10", "--threads", "1", "--families", "vae,gan,flow"]


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TASVIR_DATA", str(tmp_path / "user"))
    yield
    torch.set_flush_denormal(False)


def families(runner: CliRunner, *words: object) -> Result:
    return runner.invoke(app, ["lab", "families", *map(str, words)])


def test_points_are_compared_and_a_second_call_fits_nothing(runner: CliRunner, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = families(runner, "--data", "2d:two-gaussians", "--out", out, *SMALL)
    assert first.exit_code == 0, first.output
    told = json.loads((out / "families.json").read_text("utf-8"))
    assert [row["family"] for row in told["rows"]] == ["vae", "gan", "flow"]
    vae = told["rows"][0]
    assert f"≥ {vae['likelihood']['nats']:.2f}" in first.stdout
    page = (out / "families.md").read_text("utf-8")
    assert f"| vae | ≥ {vae['likelihood']['nats']:.2f} ± {vae['likelihood']['standard_error']:.2f} |" in page
    assert "GANs drop modes (2.2.2) |" in page and "| not measured |" in page
    with Image.open(out / "families.png") as image:
        assert image.width > 400
    weights = (out / "vae-seed-0" / "weights.safetensors").read_bytes()
    second = families(runner, "--data", "2d:two-gaussians", "--out", out, "--json", *SMALL)
    assert second.exit_code == 0, second.output
    assert json.loads(second.stdout)["rows"] == told["rows"]
    assert (out / "vae-seed-0" / "weights.safetensors").read_bytes() == weights
    afresh = families(runner, "--data", "2d:two-gaussians", "--out", out, "--no-resume", *SMALL)
    assert afresh.exit_code == 1 and "already holds a run" in afresh.stderr


def test_digits_are_compared_in_a_classifiers_eyes(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasvir.lab.classifier.STEPS", 20)
    own = ("--set", "gan.objective=minimax")
    result = families(runner, "--data", "digits", "--out", tmp_path / "run", *SMALL, *own)
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "run" / "families.json").read_text("utf-8"))
    by_name: dict[str, Any] = {row["family"]: row for row in told["rows"]}
    assert by_name["vae"]["likelihood"]["bits_per_dimension"] > 0 and by_name["vae"]["look"]["sharpness"] > 0
    assert by_name["gan"]["options"]["objective"] == "minimax"
    page = (tmp_path / "run" / "families.md").read_text("utf-8")
    assert f"right on {told['accuracy']:.1%} of the test pictures" in page and "bits/dim" in page


def test_data_and_families_that_are_not_there_are_told(runner: CliRunner, tmp_path: Path) -> None:
    for words, wanted in (
        (("--data", "2d:nowhere"), "no points are called"),
        (("--data", "tokens:pairs"), "points and pictures"),
        (("--families", "vae,gam"), "did you mean 'gan'"),
        (("--families", "vae", "--set", "gan.latent=3"), "FAMILY one of vae"),
        (("--families", "gan", "--set", "gan.objective=hinge"), "non-saturating, minimax"),
    ):
        result = families(runner, "--out", tmp_path / "run", *words)
        assert result.exit_code == 2 and wanted in result.stderr.replace("\n", " "), result.output
