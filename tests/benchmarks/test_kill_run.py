"""A real `tasvir bench` that is killed at random moments ends as the one that was left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from quick_plugin import install
from results_builder import build_results
from run_builder import make_png, picture_key, write_run

from tasvir.bench.reading import load_results
from tasvir.bench.store import RunStore

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_killed_run_is_the_run_that_was_left_alone(tmp_path: Path) -> None:
    environment = {**install(tmp_path), "QUICK_SECONDS": "0.02"}
    command = [sys.executable, str(ROOT / "benchmarks" / "kill_run.py"), "--kills", "8", "--limit", "12"]
    command += ["--models", "quick", "--metrics", "quick", "other", "--json"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    figures = json.loads(told.stdout)
    assert (figures["kills"], figures["cells"], figures["scores"], figures["wrong"]) == (8, 12, 24, [])


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """The comparison itself: a lost cell, another picture, another score, a damaged file."""
    import kill_run

    results = build_results(prompts=2, seeds=(0,))
    write_run(tmp_path / "whole", results)
    whole = load_results(tmp_path / "whole")
    assert kill_run.problems(tmp_path / "whole", whole) == []

    lost = build_results(prompts=1, seeds=(0,))
    write_run(tmp_path / "lost", lost)
    assert "2 cells, not 4" in kill_run.problems(tmp_path / "lost", whole)

    rated = build_results(prompts=2, seeds=(0,), noise=0.2)
    write_run(tmp_path / "scored", rated)
    assert any("differs" in problem for problem in kill_run.problems(tmp_path / "scored", whole))

    write_run(tmp_path / "damaged", results)
    with RunStore(tmp_path / "damaged") as store:
        store.files.path(str(whole.cells[0].picture)).write_bytes(b"")
    assert any("is damaged" in problem for problem in kill_run.problems(tmp_path / "damaged", whole))

    undrawn = build_results(prompts=2, seeds=(0,), undrawn=1.0)
    write_run(tmp_path / "other", undrawn)
    with RunStore(tmp_path / "other") as store:
        for cell in undrawn.cells:
            store.add_picture(picture_key(cell), make_png("another"))
    assert sum("differs" in problem for problem in kill_run.problems(tmp_path / "other", whole)) == 4
