"""The script for whoever has a GPU and a network, on tiny models."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "verify_real.py"


def test_it_draws_compares_and_writes_a_table_with_reasons_for_what_was_not_run(
    tiny: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(SCRIPT))["main"]
    folders = [str(tiny(family)) for family in ("sd", "sana", "unclip")]
    models = ",".join([*folders, str(tmp_path / "nothing")])
    common = ["--out", str(tmp_path / "out"), "--device", "cpu", "--steps", "2", "--json"]
    assert main(["--models", models, *common]) == 1
    lines = json.loads(capsys.readouterr().out)
    assert [line["apart"] for line in lines] == [0, 0, 0, None]
    assert [line["again"] for line in lines] == [0, 0, 0, None]
    assert all(line["in_batch"] <= 2 and line["seconds"] > 0 and line["memory"] > 0 for line in lines[:3])
    assert "no model is called" in lines[3]["problem"]
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(table) == 4 + 4 and "SanaPipeline, float32, 64x64, 2 steps, scale" not in table[4]
    assert len({line.count("|") for line in table[2:]}) == 1, "as many cells in every row"
    pictures = sorted((tmp_path / "out").rglob("*.png"))
    assert len(pictures) == 3 * 4
    assert main(["--models", folders[0], *common]) == 0


def test_one_models_failure_leaves_the_others_lines(
    tiny: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = runpy.run_path(str(SCRIPT))
    verify = names["verify"]

    def failing(model: str, *others: object) -> object:
        if model == "bad":
            raise RuntimeError("CUDA error")
        return verify(model, *others)

    names["main"].__globals__["verify"] = failing
    models = f"bad,{tiny('sd')}"
    assert names["main"](["--models", models, "--out", str(tmp_path), "--device", "cpu", "--steps", "2"]) == 1
    table = (tmp_path / "table.md").read_text().splitlines()
    assert "not run: RuntimeError: CUDA error" in table[4] and "StableDiffusionPipeline" in table[5]
