"""How much faster batches and scoring beside drawing are than drawing and scoring picture by picture.

    python benchmarks/bench_overlap.py [-n 48] [--rounds 5] [--steps 16] [--metrics NAME ...] [--json]

Both use one loaded generator and one set of metrics, and all threads that torch is given. The two take turns;
the figure is the ratio of neighbours, in wall time.
"""

from __future__ import annotations

from typing import Any

from bench_parts import Bench, add_options, in_turns
from measuring import Spread, options, progress, show


def measure(bench: Bench, batch: int, rounds: int) -> dict[str, Any]:
    """Both in turns."""
    gains: list[float] = []
    turns = in_turns(lambda _: bench.bare(1), lambda folder: bench.runner(folder / "run", batch), rounds)
    for number, (singly, runner) in enumerate(turns, 1):
        gains.append(singly / runner)
        progress(f"round {number} of {rounds}: {gains[-1]:.2f} x")
    return {"prompts": len(bench.prompts), "batch": batch, "times_as_fast": Spread.of(gains)}


def main() -> None:
    parser = options(__doc__)
    add_options(parser, 48, 5)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    bench = Bench(given.n, given.steps, given.metrics)
    show("batches and overlap against one by one", measure(bench, given.batch, given.rounds), given.json)


if __name__ == "__main__":
    main()
