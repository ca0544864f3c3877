"""Error at equal evaluations on six oracle problems: our samplers beside diffusers' and azula's.

    pip install azula einops
    python benchmarks/lab_accuracy.py

Everybody is given the exact denoiser, the same start points and the same range of noises (DDPM's betas, and
EDM's 0.002 to 80), and may spend at most so many evaluations. The error is the root mean square, over start
points, of the distance to where the probability flow truly ends. A cell is a problem, a range and a number of
evaluations. "Tied" is: within 1 %, or the 95 % interval of the ratio of errors (bootstrap over start points,
paired) holds 1. Printed as Markdown, or JSON.

Some 260 samplers and options of theirs and 280 of ours: at each problem and range all are looked at with NFE
5 and 10 and 64 points, and the 10 best of each side at either go on to every cell; --all takes all, for some
ten minutes of one free core instead of three.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from lab_peers import RANGES, Peer, Range, azula_peers, diffusers_peers
from measuring import options, progress, show
from torch import Tensor

from tasvir import registry
from tasvir.errors import TasvirError
from tasvir.lab.diffusion.defaults import DEFAULT, default_path
from tasvir.lab.diffusion.oracles.base import Law, OracleDenoiser
from tasvir.lab.diffusion.oracles.problems import PROBLEMS, Problem, problem
from tasvir.lab.diffusion.paths import SPACINGS, Path, path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.table import TableSchedule

EVALUATIONS = (5, 8, 10, 15, 20)
POINTS = {"manifold": 512, "finite": 1024}
"""Where some start points end in another mode altogether, it takes more of them; else 256."""
OWN = "default"
LEAST = 1.0
"""Time of the first level of a table: the least noise."""
Run = Callable[[Tensor, int], Tensor | None]
"""(z [N, D], evaluations) -> y, or None where it cannot."""


@dataclass(frozen=True)
class Cell:
    """Squared distances of the start points for each sampler, [N] each."""

    where: str
    theirs: dict[str, Tensor]
    ours: dict[str, Tensor]

    @property
    def default(self) -> Tensor:
        return self.ours[OWN]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--quick", action="store_true", help="NFE 5 and 10 only")
    parser.add_argument("--all", action="store_true", help="no first look")
    parser.add_argument("--only", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for name in chosen.only:
        for range_ in RANGES.values():
            counts = (5, 10) if chosen.quick else EVALUATIONS
            found += list(cells(problem(name), range_, counts, chosen.seed, not chosen.all))
    rows = [_row(cell) for cell in found]
    if chosen.json:
        show("lab_accuracy", {"summary": summary(rows), "cells": rows}, True)
    else:
        print(_table(rows))
        for name, value in summary(rows).items():
            print(f"- {name}: {value}")


def cells(asked: Problem, range_: Range, counts: tuple[int, ...], seed: int, look: bool) -> Iterator[Cell]:
    """Everybody's errors on one problem over one range of noises."""
    z = asked.starts(POINTS.get(asked.name, 256), 1.0, seed)
    truth = asked.ends(z * range_.most, range_.most, 0.16)
    schedule = TableSchedule.of_products(torch.tensor(1 / (1 + range_.ratios**2)))
    theirs, ours = _theirs(asked.law, range_), _ours(asked.law, schedule)
    if look:
        theirs, ours = (_best_of(side, z[:64], truth[:64]) for side in (theirs, ours))
    for count in counts:
        cell = Cell(
            f"{asked.name} {range_.name} {count}",
            _distances(theirs, count, z, truth),
            _distances(ours, count, z, truth),
        )
        progress(f"{cell.where}: {len(cell.theirs)} of theirs, {len(cell.ours)} of ours")
        yield cell


def _best_of(runs: dict[str, Run], z: Tensor, truth: Tensor, keep: int = 10) -> dict[str, Run]:
    best = {OWN}
    for count in (5, 10):
        first = _distances(runs, count, z, truth)
        best |= set(sorted(first, key=lambda name: float(first[name].mean()))[:keep])
    return {name: run for name, run in runs.items() if name in best}


def _distances(runs: dict[str, Run], count: int, z: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Squared distances of all that come out finite and within their budget."""
    found = {}
    for name, run in runs.items():
        y = run(z, count)
        if y is not None and bool(torch.isfinite(y).all()):
            found[name] = (y - truth).pow(2).sum(1)
    return found


def _theirs(law: Law, range_: Range) -> dict[str, Run]:
    def run(peer: Peer, z: Tensor, count: int) -> Tensor | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                y, asked = peer.run(law, z, range_, count)
            except (RuntimeError, ValueError, IndexError):
                return None  # some cannot do so few steps, or break on their own grid
        return y if asked <= count else None

    return {peer.name: partial(run, peer) for peer in (*diffusers_peers(), *azula_peers())}


def _ours(law: Law, schedule: Schedule) -> dict[str, Run]:
    """All installed deterministic samplers of fixed steps, on every spacing."""
    denoiser = OracleDenoiser(law, schedule)

    def run(sampler: Sampler, grid: Callable[[int], Path], z: Tensor, count: int) -> Tensor | None:
        path_ = grid(sampler.steps_for(count))
        try:
            found = sample(denoiser, sampler, path_, z * path_.levels[0].sigma, gaussian_noise(0))
        except TasvirError:
            return None
        return found.x / path_.levels[-1].alpha if found.evaluations <= count else None

    to_the_end = partial(default_path, schedule, end=LEAST)
    runs: dict[str, Run] = {}
    for name, sampler in samplers():
        if name == DEFAULT.sampler:
            runs[OWN] = partial(run, sampler, to_the_end)
        elif name.startswith("straight"):
            runs[f"{name} ({DEFAULT.spacing})"] = partial(run, sampler, to_the_end)
        for spacing in SPACINGS:
            way = partial(path, schedule, spacing=spacing, end=LEAST)
            runs[f"{name} ({spacing})"] = partial(run, sampler, way)
            if spacing in ("karras", "log-snr"):
                runs[f"{name} ({spacing}, to the least)"] = partial(run, sampler, partial(way, to_data=False))
    return runs


@cache
def samplers() -> tuple[tuple[str, Sampler], ...]:
    """Ours by name and option; made once."""
    found = []
    for name in registry.names("lab.samplers"):
        made = registry.create("lab.samplers", name, Sampler)
        if made.stochastic or made.evaluations is None or name == "paradigms":
            continue
        found.append((name, made))
        for option, values in OPTIONS.items():
            for value in values if hasattr(made, option) else ():
                found.append((f"{name}, {value}", type(made)(**{option: value})))
    return tuple(found)


OPTIONS: dict[str, tuple[Any, ...]] = {
    "start": ("lower-order",),
    "scale": ("bh1",),
    "data_scale": (0.5, 0.7, 1.0),
}
"""Of ours, beside their defaults."""


def _row(cell: Cell) -> dict[str, Any]:
    theirs, ours = _best(cell.theirs), _best(cell.ours)
    best = min(float(cell.theirs[theirs].mean()), float(cell.ours[ours].mean())) ** 0.5
    return {
        "cell": cell.where,
        "theirs": theirs,
        "their_error": float(cell.theirs[theirs].mean()) ** 0.5,
        "ours": ours,
        "our_error": float(cell.ours[ours].mean()) ** 0.5,
        "default_error": float(cell.default.mean()) ** 0.5,
        "ours_tied_or_best": tied(cell.ours[ours], cell.theirs[theirs]),
        "default_tied_or_best": tied(cell.default, cell.theirs[theirs]),
        "default_over_theirs": (float(cell.default.mean()) / float(cell.theirs[theirs].mean())) ** 0.5,
        "default_over_best": float(cell.default.mean()) ** 0.5 / best,
    }


def _best(errors: dict[str, Tensor]) -> str:
    return min(errors, key=lambda name: float(errors[name].mean()))


def tied(one: Tensor, other: Tensor, draws: int = 1000) -> bool:
    """Whether the first is not worse: below 1.01 times, or the paired interval of the ratio holds 1."""
    if float(one.mean()) <= 1.01**2 * float(other.mean()):
        return True
    dice = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(one), (draws, len(one)), generator=dice)
    ratios = one[chosen].mean(1) / other[chosen].mean(1)
    return bool(ratios.quantile(0.025) <= 1)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the reach asks."""
    count = len(rows)
    ratios = torch.tensor([row["default_over_theirs"] for row in rows])
    of_all = torch.tensor([row["default_over_best"] for row in rows])
    return {
        "cells": count,
        "ours best or tied": f"{sum(row['ours_tied_or_best'] for row in rows)} of {count}",
        "the default alone best or tied": f"{sum(row['default_tied_or_best'] for row in rows)} of {count}",
        "the default within 10 % of the best peer": f"{int((ratios <= 1.1).sum())} of {count}",
        "the default within 10 % of the best of all": f"{int((of_all <= 1.1).sum())} of {count}",
        "its error over the best peer's, geometric mean": round(math.exp(float(ratios.log().mean())), 3),
        "its error over the best peer's, worst": round(float(ratios.max()), 2),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| problem, range, NFE | best peer | error | our best | error | default | over best peer |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['cell']} | {row['theirs']} | {row['their_error']:.3g} | {row['ours']} "
            f"| {row['our_error']:.3g} | {row['default_error']:.3g} | {row['default_over_theirs']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
