"""What the runner costs over a bare loop that draws and scores the same batches and keeps nothing.

    python benchmarks/bench_overhead.py [-n 48] [--rounds 5] [--steps 16] [--metrics NAME ...] [--json]

Both use one loaded generator and one set of metrics. The runner plans, keeps pictures, stories and scores on
disk, and scores in a thread beside the drawing; the bare loop scores after each batch. So the runner can be
the faster one where cores are free: with --threads 1 and taskset to one core the figure is its cost alone.
The two take turns; the figure is the ratio of neighbours, in wall time.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench_parts import Bench, add_options
from measuring import Spread, options, progress, show


def measure(bench: Bench, batch: int, rounds: int) -> dict[str, Any]:
    """Rounds in turns, the first of a round alternating."""
    ratios: list[float] = []
    seconds: dict[str, list[float]] = {"bare": [], "runner": []}
    for number in range(rounds):
        with TemporaryDirectory() as folder:
            turns = ["bare", "runner"] if number % 2 == 0 else ["runner", "bare"]
            for turn in turns:
                took = bench.bare(batch) if turn == "bare" else bench.runner(Path(folder) / "run", batch)
                seconds[turn].append(took)
        ratios.append(seconds["runner"][-1] / seconds["bare"][-1])
        progress(f"round {number + 1} of {rounds}: {ratios[-1]:.3f}")
    return {
        "prompts": len(bench.prompts),
        "overhead": Spread.of([ratio - 1 for ratio in ratios]),
        "bare_seconds": Spread.of(seconds["bare"]),
        "runner_seconds": Spread.of(seconds["runner"]),
    }


def main() -> None:
    parser = options(__doc__)
    add_options(parser, 48, 5)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    bench = Bench(given.n, given.steps, given.metrics)
    show("the runner over a bare loop", measure(bench, given.batch, given.rounds), given.json)


if __name__ == "__main__":
    main()
