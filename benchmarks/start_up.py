"""How long the command line takes to answer: whole processes, wall time.

    python benchmarks/start_up.py [-n 15] [--json]

`bare python` is the floor: an interpreter that does nothing. One run of each is thrown away first, so that
files are in the system's cache and compiled.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from measuring import Spread, options, show, whole_number


def command_line() -> list[str]:
    """The installed `tasvir` beside this interpreter, or its module where there is none."""
    script = Path(sys.executable).with_name("tasvir")
    return [str(script)] if script.exists() else [sys.executable, "-m", "tasvir.app.cli.main"]


def wall_time(command: Sequence[str]) -> float:
    """Seconds from start to end of a process that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def measure(count: int) -> dict[str, Spread]:
    """Wall times by what was started; the kinds take turns, so that a busy moment hits all of them."""
    tasvir = command_line()
    commands = {
        "bare python": [sys.executable, "-c", "pass"],
        "import tasvir": [sys.executable, "-c", "import tasvir"],
        "tasvir --help": [*tasvir, "--help"],
        "tasvir list": [*tasvir, "list"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(count + 1):
        for name, command in commands.items():
            seconds = wall_time(command)
            if number:
                times[name].append(seconds)
    return {name: Spread.of(values) for name, values in times.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(1), default=15, help="runs of each (default 15)")
    asked = parser.parse_args(arguments)
    started = "the installed script" if len(command_line()) == 1 else "python -m tasvir.app.cli.main"
    figures = {"tasvir_started_as": started, "seconds": measure(asked.n)}
    show("start-up, seconds of wall time", figures, asked.json)


if __name__ == "__main__":
    main()
