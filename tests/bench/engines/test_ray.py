"""Ray draws what one process draws, whoever dies meanwhile. Commands run as processes, on a cluster of this
machine that each starts for itself."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from quick_plugin import install

from tasvir.bench.reading import load_results
from tasvir.bench.store import RunStore
from tasvir.results import Cell

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

TASVIR = [
    sys.executable,
    "-W",
    "error::ResourceWarning",
    "-c",
    "from tasvir.app.cli.main import main; main()",
]
RAY = ["--engine", "ray", "--workers", "2"]


def command(out: Path, *more: str, models: tuple[str, ...] = ("quick", "quick:other")) -> list[str]:
    asked = ["bench", "world", "--models", *models, "--metrics", "quick", "--limit", "6"]
    return [*TASVIR, *asked, "--batch", "2", "--out", str(out), *more]


def timeless(run: Path) -> list[Cell]:
    return [replace(cell, seconds=None) for cell in load_results(run).cells]


def check(run: Path, cells: list[Cell]) -> None:
    assert timeless(run) == cells
    connection = sqlite3.connect(run / "store.sqlite")
    [(rows, keys)] = connection.execute("SELECT count(*), count(DISTINCT key) FROM pictures").fetchall()
    connection.close()
    assert rows == keys
    with RunStore(run) as store:
        assert store.check() == []
        assert store.failures() == []


def test_two_workers_draw_what_one_process_draws_though_one_dies(tmp_path: Path) -> None:
    environment = install(tmp_path)
    subprocess.run(command(tmp_path / "local"), env=environment, check=True, capture_output=True)
    cells = timeless(tmp_path / "local")
    assert len(cells) == 12
    assert all(cell.picture and cell.scores["quick"].value is not None for cell in cells)
    order = tmp_path / "order"
    order.write_text(f"{last_text(tmp_path / 'local')}|once")
    environment["QUICK_ORDER"] = str(order)
    told = subprocess.run(
        command(tmp_path / "ray", *RAY), env=environment, check=True, capture_output=True, text=True
    )
    assert "Traceback" not in told.stderr
    assert order.read_text() == ""  # it was obeyed
    check(tmp_path / "ray", cells)
    speeds = load_results(tmp_path / "ray").speeds
    assert {speed.model: speed.n for speed in speeds} == {"quick": 6, "quick:other": 6}


def last_text(run: Path) -> str:
    return list(load_results(run).prompts.values())[-1].text


def test_a_picture_that_kills_every_worker_is_given_up_alone(tmp_path: Path) -> None:
    environment, models = install(tmp_path), ("quick",)
    local, ray, order = tmp_path / "local", tmp_path / "ray", tmp_path / "order"
    subprocess.run(command(local, models=models), env=environment, check=True, capture_output=True)
    order.write_text(f"{last_text(local)}|always")
    dying = {**environment, "QUICK_ORDER": str(order)}
    told = subprocess.run(command(ray, *RAY, models=models), env=dying, capture_output=True, check=False)
    assert told.returncode == 1
    undrawn = [cell for cell in load_results(ray).cells if cell.picture is None]
    assert [cell.prompt for cell in undrawn] == [load_results(ray).cells[-1].prompt]
    assert "2 workers died of it" in undrawn[0].reason
    subprocess.run(command(ray, models=models), env=environment, check=True, capture_output=True)
    check(ray, timeless(local))


def test_ctrl_c_keeps_what_was_drawn_and_one_worker_goes_on(tmp_path: Path) -> None:
    environment = install(tmp_path)
    subprocess.run(command(tmp_path / "local"), env=environment, check=True, capture_output=True)
    ray = tmp_path / "ray"
    slow = {**environment, "QUICK_SECONDS": "0.5"}
    process = subprocess.Popen(
        command(ray, *RAY), env=slow, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 120
    while len(list(ray.glob("pictures/*/*.png"))) < 1:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all that belongs to the command gets it
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "the same command goes on" in told
    assert any(cell.picture is None for cell in load_results(ray).cells)
    one = ["--engine", "ray", "--workers", "1"]
    subprocess.run(command(ray, *one), env=environment, check=True, capture_output=True)
    check(ray, timeless(tmp_path / "local"))
