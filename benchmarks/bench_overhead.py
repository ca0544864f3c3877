"""What the runner costs over a bare loop that draws and scores the same batches and keeps nothing.

    python benchmarks/bench_overhead.py [-n 48] [--rounds 5] [--steps 16] [--metrics NAME ...] [--json]

Both use one loaded generator and one set of metrics. The runner plans, keeps pictures, stories and scores on
disk, and scores in a thread beside the drawing; the bare loop scores after each batch. So the runner can be
the faster one where cores are free: with --threads 1 and taskset to one core the figure is its cost alone.
The two take turns; the figure is the ratio of neighbours, in wall time.
"""

from __future__ import annotations

from typing import Any

from bench_parts import Bench, add_options, in_turns
from measuring import Spread, options, progress, show


def measure(bench: Bench, batch: int, rounds: int) -> dict[str, Any]:
    """Both in turns."""
    taken = []
    turns = in_turns(lambda _: bench.bare(batch), lambda folder: bench.runner(folder / "run", batch), rounds)
    for number, (bare, runner) in enumerate(turns, 1):
        taken.append((bare, runner))
        progress(f"round {number} of {rounds}: {runner / bare:.3f}")
    return {
        "prompts": len(bench.prompts),
        "overhead": Spread.of([runner / bare - 1 for bare, runner in taken]),
        "bare_seconds": Spread.of([bare for bare, _ in taken]),
        "runner_seconds": Spread.of([runner for _, runner in taken]),
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
