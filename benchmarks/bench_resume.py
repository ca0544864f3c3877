"""How long `tasvir bench` takes where nothing is left to do, from the start of Python to its exit.

    python benchmarks/bench_resume.py [-n 600] [--rounds 5] [--steps 16] [--models SPEC ...]
                                      [--metrics NAME ...] [--out RUN] [--json]

The run is made first, or gone on with where --out names one; then the same command is given again, several
times, and must change no picture and add no row.
"""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench_parts import add_options
from measuring import Spread, options, progress, show

TABLES = ("pictures", "scores", "failures", "speeds", "cells", "set_scores")


def state(run: Path) -> dict[str, Any]:
    """Rows of each table, and a hash of all pictures by name and time of writing."""
    with closing(sqlite3.connect(f"{(run / 'store.sqlite').absolute().as_uri()}?mode=ro", uri=True)) as store:
        rows = {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    files = sorted(run.glob("pictures/*/*.png"))
    told = "".join(f"{path.name} {path.stat().st_mtime_ns}\n" for path in files)
    return {**rows, "files": hashlib.sha256(told.encode()).hexdigest()}


def measure(command: list[str], run: Path, rounds: int) -> dict[str, Any]:
    """Make the run, then time the same command."""
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("the run is not complete: something failed")
    before = state(run)
    seconds = []
    for number in range(rounds):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
        progress(f"round {number + 1} of {rounds}: {seconds[-1]:.1f} s")
    if state(run) != before:
        raise SystemExit("the run was changed, though nothing was left to do")
    rows = {name: count for name, count in before.items() if name != "files"}
    return {**rows, "seconds": Spread.of(seconds)}


def main() -> None:
    parser = options(__doc__)
    add_options(parser, 600, 5)
    parser.add_argument("--models", nargs="+", default=["embedded", "embedded+layout:embedded"])
    parser.add_argument("--out", type=Path, help="the run's folder (default: a new one)")
    given = parser.parse_args()
    with TemporaryDirectory() as fresh:
        run = given.out or Path(fresh) / "run"
        command = [sys.executable, "-m", "tasvir.app.cli.main", "bench", "world", "--out", str(run)]
        command += ["--limit", str(given.n), "--steps", str(given.steps), "--batch", str(given.batch)]
        command += ["--models", *given.models, "--metrics", *given.metrics]
        show("a run that is complete, once more", measure(command, run, given.rounds), given.json)


if __name__ == "__main__":
    main()
