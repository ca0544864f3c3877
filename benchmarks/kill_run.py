"""Is a run that was killed again and again the run that was left alone? `tasvir bench` under SIGKILL.

    python benchmarks/kill_run.py [--kills 50] [--models embedded] [--metrics predicates] [--json]

A run is made undisturbed. Then the same command is started in another folder and killed at a random moment of
its work, again and again; when one gets done, the next begins a new folder. Each is compared with the first:
every cell there, no row twice, every picture whole and equal bit for bit, every score equal. Processes are
forked from one that has imported everything, so that kills meet work and not imports; --fresh starts each
from nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measuring import options, progress, show, whole_number

from tasvir.bench.reading import load_results
from tasvir.bench.store import RunStore
from tasvir.results import Cell, RunResults

KEYS = {"pictures": "key", "scores": "key", "cells": "suite || prompt || model || settings || seed"}


def start(command: Sequence[str], fresh: bool) -> int:
    """A process at work on a command; returns its id."""
    if fresh:
        code = "from tasvir.app.cli.main import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        process.returncode = 0  # it is waited for by its id
        return process.pid
    pid = os.fork()
    if pid:
        return pid
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.argv = ["tasvir", *command]
        from tasvir.app.cli.main import app

        app()
    except SystemExit as end:
        os._exit(int(end.code or 0))
    finally:
        os._exit(1)


def run_whole(command: Sequence[str], fresh: bool) -> float:
    """Run a command to its end; returns the seconds it took."""
    began = time.perf_counter()
    _, status = os.waitpid(start(command, fresh), 0)
    if status:
        raise SystemExit(f"tasvir {' '.join(command)} ended with status {status}")
    return time.perf_counter() - began


def run_killed(command: Sequence[str], after: float, fresh: bool) -> bool:
    """Run a command and kill it after some seconds; returns whether it was killed before it was done."""
    pid = start(command, fresh)
    until = time.perf_counter() + after
    while time.perf_counter() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if status:
                raise SystemExit(f"tasvir {' '.join(command)} ended with status {status} by itself")
            return False
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def imports() -> None:
    """Everything that a run imports, in this process."""
    import torch  # noqa: F401
    import transformers  # noqa: F401

    import tasvir.bench.engines.local
    import tasvir.bench.preparing
    import tasvir.pipeline  # noqa: F401


def problems(folder: Path, whole: RunResults) -> list[str]:
    """What a run has otherwise than the one that was left alone."""
    found = load_results(folder)
    told = []
    if len(found.cells) != len(whole.cells):
        told.append(f"{len(found.cells)} cells, not {len(whole.cells)}")
    told += [
        f"cell {a.key} of {a.model}, seed {a.seed}, differs"
        for a, b in zip(found.cells, whole.cells, strict=False)
        if _timeless(a) != _timeless(b)
    ]
    connection = sqlite3.connect(folder / "store.sqlite")
    for table, key in KEYS.items():
        rows, keys = connection.execute(f"SELECT count(*), count(DISTINCT {key}) FROM {table}").fetchone()
        if rows != keys:
            told.append(f"{rows - keys} rows of {table} are there twice")
    connection.close()
    with RunStore(folder) as store:
        told += store.check()
        told += [f"failed: {row.reason}" for row in store.failures()]
    return told


def _timeless(cell: Cell) -> Cell:
    """Without what a clock says."""
    story = {name: value for name, value in cell.story.items() if name not in ("usage", "seconds")}
    return replace(cell, seconds=None, story=story)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--kills", type=whole_number(1), default=50)
    parser.add_argument("--models", nargs="+", default=["embedded"])
    parser.add_argument("--metrics", nargs="+", default=["predicates"])
    parser.add_argument("--suite", default="world")
    parser.add_argument("--limit", type=whole_number(1), default=12)
    parser.add_argument("--steps", type=whole_number(1), default=2)
    parser.add_argument("--batch", type=whole_number(1), default=2)
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as made:
        show("killed runs", measure(asked, Path(made)), asked.json)


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    command = ["bench", asked.suite, "--models", *asked.models, "--metrics", *asked.metrics]
    command += ["--limit", str(asked.limit), "--steps", str(asked.steps), "--batch", str(asked.batch)]
    if not asked.fresh:
        imports()
    seconds = run_whole([*command, "--out", str(folder / "whole")], asked.fresh)
    whole = load_results(folder / "whole")
    moments = random.Random(asked.seed)
    kills, done, wrong = 0, 0, []
    while kills < asked.kills:
        out = folder / f"killed-{done}"
        if run_killed([*command, "--out", str(out)], moments.uniform(0, seconds), asked.fresh):
            kills += 1
            progress(f"kill {kills} of {asked.kills}")
        else:
            wrong += problems(out, whole)
            done += 1
    out = folder / f"killed-{done}"
    run_whole([*command, "--out", str(out)], asked.fresh)
    wrong += problems(out, whole)
    return {
        "kills": kills,
        "runs": done + 1,
        "cells": len(whole.cells),
        "scores": sum(len(cell.scores) for cell in whole.cells),
        "seconds undisturbed": round(seconds, 2),
        "wrong": wrong,
    }


if __name__ == "__main__":
    main()
