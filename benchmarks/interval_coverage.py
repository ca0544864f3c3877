"""Do the intervals hold the truth 95 times of 100, and does the paired test cry wolf at most 5 times of 100?

    python benchmarks/interval_coverage.py [--runs 2000] [--draws 10000] [--sizes 10 30 100 300] [--json]

Every run is a study of n prompts whose true mean is known: values like those of metrics (bell-shaped, near
their upper bound, skewed, levels, yes or no, four seeds a prompt that resemble each other with an intraclass
correlation of 0.7). Counted is how often the 95 % interval of the mean holds the truth; how often the
sign-flip test finds a difference at 5 % where there is none; how often Holm lets any of six pairs of four
equal models through; and how often the test would if it took four pictures of a prompt for four prompts.
The test asks whether the models could be exchanged: two that differ in all but their mean are shown apart.
A share of 2,000 runs has a standard error of 0.5 points at 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from math import sqrt

import numpy as np
from measuring import options, progress, show, whole_number
from numpy.random import Generator
from numpy.typing import NDArray

from tasvir.score.statistics import holm, mean_interval, prompt_means, share_interval, sign_flip

Values = NDArray[np.float64]
Draw = Callable[[Generator, int, int], Values]
"""Random source, prompts, runs -> prompts x runs."""

SEEDS = 4
ALIKE = 0.7
"""Intraclass correlation of a prompt's pictures."""
BATCH = 200
"""Runs that share their resamples: the counts of prompts are drawn once for all of them."""
SIGNS = np.array([-1.0, 0.0, 1.0])
LEVELS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
LEVEL_SHARES = np.array([0.02, 0.05, 0.08, 0.15, 0.7])


def skewed(rng: Generator, n: int, runs: int) -> Values:
    """Exponential, mean 1."""
    return rng.exponential(1, (n, runs))


def alike(rng: Generator, n: int, runs: int) -> Values:
    """Bell-shaped pictures: prompts x seeds x runs, mean 0, variance 1."""
    own = rng.normal(0, sqrt(1 - ALIKE), (n, SEEDS, runs))
    return own + rng.normal(0, sqrt(ALIKE), (n, 1, runs))


def alike_yes(rng: Generator, n: int, runs: int, share: float) -> Values:
    """Yes in so many of a prompt's four pictures: beta-binomial."""
    scale = 1 / ALIKE - 1
    return rng.binomial(SEEDS, rng.beta(share * scale, (1 - share) * scale, (n, runs))) / SEEDS


MEANS: Mapping[str, tuple[Draw, float]] = {
    "normal": (lambda rng, n, runs: rng.normal(0, 1, (n, runs)), 0.0),
    "near the upper bound (beta 5, 0.7)": (lambda rng, n, runs: rng.beta(5, 0.7, (n, runs)), 5 / 5.7),
    "skewed (exponential)": (skewed, 1.0),
    "five levels, most at the top": (
        lambda rng, n, runs: rng.choice(LEVELS, (n, runs), p=LEVEL_SHARES),
        float(LEVELS @ LEVEL_SHARES),
    ),
    "four alike pictures a prompt": (lambda rng, n, runs: alike(rng, n, runs).mean(axis=1), 0.0),
}
SHARES: Mapping[str, tuple[Draw, float, int]] = {
    "yes or no, 0.3": (lambda rng, n, runs: (rng.random((n, runs)) < 0.3) * 1.0, 0.3, 1),
    "yes or no, 0.9": (lambda rng, n, runs: (rng.random((n, runs)) < 0.9) * 1.0, 0.9, 1),
    "four alike yes or no, 0.5": (partial(alike_yes, share=0.5), 0.5, SEEDS),
    "four alike yes or no, 0.85": (partial(alike_yes, share=0.85), 0.85, SEEDS),
}
DIFFERENCES: Mapping[str, Draw] = {
    "equal models, normal": MEANS["normal"][0],
    "equal models, skewed": lambda rng, n, runs: skewed(rng, n, runs) - skewed(rng, n, runs),
    "equal models, mostly ties": lambda rng, n, runs: rng.choice(SIGNS, (n, runs), p=[0.1, 0.8, 0.1]),
    "equal models, four alike pictures a prompt": lambda rng, n, runs: alike(rng, n, runs).mean(axis=1),
    "unequal models of equal mean, differences skewed": lambda rng, n, runs: skewed(rng, n, runs) - 1,
}


def mean_coverage(draw: Draw, truth: float, n: int, runs: int, draws: int, rng: Generator) -> float:
    """Share of runs whose bootstrap interval holds the truth; a run without an interval does not."""
    held = 0
    for start in range(0, runs, BATCH):
        columns = draw(rng, n, min(BATCH, runs - start))
        for figure in prompt_means(columns, draws=draws, seed=int(rng.integers(2**31))):
            held += figure.interval is not None and figure.interval[0] <= truth <= figure.interval[1]
    return held / runs


def share_coverage(draw: Draw, truth: float, pictures: int, n: int, runs: int, rng: Generator) -> float:
    """Share of runs whose interval by Wilson's score holds the truth."""
    held = 0
    for column in draw(rng, n, runs).T:
        if pictures == 1:
            _, low, high = mean_interval(column.tolist())
        else:
            found = share_interval(column, np.full(n, float(pictures))).interval
            assert found is not None
            low, high = found
        held += low <= truth <= high
    return held / runs


def false_alarms(draw: Draw, n: int, runs: int, draws: int, rng: Generator) -> float:
    """Share of runs in which the paired test finds at 5 % what is not there."""
    found = 0
    for start in range(0, runs, BATCH):
        columns = draw(rng, n, min(BATCH, runs - start))
        tests = sign_flip(columns, draws=draws, seed=int(rng.integers(2**31)))
        found += sum(p is not None and p < 0.05 for p in tests)
    return found / runs


def family_alarms(n: int, runs: int, draws: int, rng: Generator) -> float:
    """Share of runs in which Holm lets any of six pairs of four equal models through."""
    found = 0
    for _ in range(runs):
        models = rng.normal(0, 1, (n, 4))
        pairs = np.stack([models[:, a] - models[:, b] for a, b in combinations(range(4), 2)], axis=1)
        adjusted = holm(sign_flip(pairs, draws=draws, seed=int(rng.integers(2**31))))
        found += any(p is not None and p < 0.05 for p in adjusted)
    return found / runs


def pictures_as_prompts(rng: Generator, n: int, runs: int) -> Values:
    """What the test must not be given: each picture as if it were a prompt of its own."""
    return alike(rng, n, runs).reshape(n * SEEDS, runs)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--runs", type=whole_number(1), default=2000, help="default 2000")
    parser.add_argument("--draws", type=whole_number(1), default=10_000, help="resamples (default 10000)")
    parser.add_argument(
        "--sizes", type=whole_number(5), nargs="+", default=[10, 30, 100, 300], help="prompts"
    )
    asked = parser.parse_args(arguments)
    runs, draws = asked.runs, asked.draws
    rng = np.random.default_rng(asked.seed)
    figures: dict[str, dict[str, dict[str, float]]] = {}

    def measure(table: str, row: str, measured: Callable[[int], float]) -> None:
        figures.setdefault(table, {})[row] = {f"n {n}": measured(n) for n in asked.sizes}
        progress(f"{table}: {row}: {figures[table][row]}")

    for name, (draw, truth) in MEANS.items():
        measure(
            "coverage of means",
            name,
            lambda n, draw=draw, truth=truth: mean_coverage(draw, truth, n, runs, draws, rng),
        )
    for name, (draw, truth, pictures) in SHARES.items():
        measure(
            "coverage of shares",
            name,
            lambda n, draw=draw, truth=truth, k=pictures: share_coverage(draw, truth, k, n, runs, rng),
        )
    for name, draw in DIFFERENCES.items():
        measure("false alarms", name, lambda n, draw=draw: false_alarms(draw, n, runs, draws, rng))
    measure("false alarms", "any of six pairs, Holm", lambda n: family_alarms(n, runs // 4, draws, rng))
    wrong = partial(false_alarms, pictures_as_prompts)
    measure("were pictures prompts: false alarms", "four alike", lambda n: wrong(n, runs, draws, rng))
    settings = {"runs": runs, "resamples": draws, "seed": asked.seed}
    show("coverage of 95 % intervals, false alarms at 5 %", settings | figures, asked.json)


if __name__ == "__main__":
    main()
