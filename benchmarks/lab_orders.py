"""The order that each deterministic sampler of the laboratory shows, beside the one that it declares.

    python benchmarks/lab_orders.py [--samplers heun,lms] [--finer 1] [--every 9] [--only orders] [--json]

Slopes of the largest error when steps double, on three laws whose probability flow is known to 1e-11, on four
spacings; the least of a row is what counts: from 96 to 192 steps for order 1, from 192 to 384 for 2 and 3,
from 384 to 768 for 4, or ``--finer`` times as many where that is too few for the slope to have settled. Then
the samplers that choose their own steps: errors and questions at falling tolerances. Last every sampler
walks to the data in float32 on five grids, with 1 to 100 steps and every ``--every``-th number up to 1000 (1
for all of them: an hour); nothing may be infinite or NaN, and what ends beyond 10 deviations is told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from measuring import options, progress, show, whole_number
from torch import Tensor

from tasvir import registry
from tasvir.errors import NotFiniteError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.orders import Case, cases, settled
from tasvir.lab.diffusion.paths import SPACINGS, Path, path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Question, Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level, Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

FAR = 5.0
"""Ten deviations of the sweep's data."""


class PlainDenoiser(Denoiser):
    """Of data N(0, 1/4): cheap enough for many steps."""

    prediction: Prediction = "x0"

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        return x * (0.25 * level.alpha / (0.25 * level.alpha**2 + level.sigma**2))


def orders(samplers: Sequence[Sampler], finer: int, spacings: Sequence[str]) -> list[dict[str, Any]]:
    """Declared order, the least slope, and under each law the slopes on the spacings, in their order."""
    problems = cases(spacings)
    rows = []
    for sampler in samplers:
        steps = [finer * count for count in settled(sampler)]
        slopes: dict[str, list[float]] = {}
        for case in problems:
            slopes.setdefault(case.name, []).append(round(case.slopes(sampler, steps)[0], 2))
        least = min(min(found) for found in slopes.values())
        rows.append({"sampler": sampler.name, "declared": sampler.order, "least": least, **slopes})
        progress(f"{sampler.name}: {sampler.order:g} declared, {least:.2f} seen")
    return rows


def sweep(samplers: Sequence[Sampler], every: int) -> dict[str, Any]:
    """How many walks were made, which ended in something that is not finite, and which far from the data."""
    linear, karras = LinearSchedule(), KarrasSchedule()
    grids: list[tuple[Schedule, str, float]] = [(linear, spacing, 1e-3) for spacing in SPACINGS]
    grids.append((karras, "karras", 0.002))
    made = 0
    not_finite, far = list[str](), list[str]()
    for schedule, spacing, end in grids:
        denoiser = PlainDenoiser(schedule)
        x = torch.linspace(-2, 2, 4).reshape(4, 1) * schedule.prior_deviation()
        for steps in [*range(1, 101), *range(100 + every, 1001, every)]:
            grid = path(schedule, steps, spacing, end=end)
            for sampler in samplers:
                made += 1
                worst = _largest(denoiser, sampler, grid, x)
                if worst > FAR:
                    told = f"{sampler.name}, {schedule.name} on {spacing}, {steps} steps"
                    (far if math.isfinite(worst) else not_finite).append(told)
        progress(f"{schedule.name} on {spacing}: {made} walks, {len(not_finite)} not finite, {len(far)} far")
    return {"walks": made, "not_finite": not_finite, "far": far}


def _largest(denoiser: Denoiser, sampler: Sampler, grid: Path, x: Tensor) -> float:
    try:
        return float(sample(denoiser, sampler, grid, x, gaussian_noise(0)).x.abs().max())
    except NotFiniteError:
        return math.inf


def chosen_steps(case: Case) -> list[dict[str, Any]]:
    """Error and questions of the samplers that choose their own steps."""
    rows = []
    for name in ("dopri5", "dpm-adaptive"):
        for tolerance in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
            sampler = registry.create("lab.samplers", name, Sampler, rtol=tolerance, atol=tolerance)
            found = sample(_denoiser(case), sampler, case.path(20), case.starts, gaussian_noise(0))
            error = float((found.x - case.truth).abs().max())
            rows.append(
                {"sampler": name, "tolerance": tolerance, "error": error, "evaluations": found.evaluations}
            )
    return rows


def sweeps(case: Case, steps: int = 64) -> list[dict[str, Any]]:
    """What ParaDIGMS saves in sweeps, what it costs in questions, and how far from DDIM's result it ends."""
    ddim = registry.create("lab.samplers", "ddim", Sampler)
    plain = sample(_denoiser(case), ddim, case.path(steps), case.starts, gaussian_noise(0)).x
    rows = []
    for tolerance in (0.0, 1e-4, 1e-3, 1e-2, 1e-1):
        sampler = registry.create("lab.samplers", "paradigms", Sampler, tolerance=tolerance)
        asked: list[float] = []

        def note(_: int, question: Question, __: Tensor, asked: list[float] = asked) -> None:
            asked.append(question.level.sigma)

        found = sample(_denoiser(case), sampler, case.path(steps), case.starts, gaussian_noise(0), note)
        rounds = 1 + sum(after > before for before, after in pairwise(asked))
        rows.append(
            {
                "tolerance": tolerance,
                "steps": steps,
                "sweeps": rounds,
                "evaluations": found.evaluations,
                "away_from_ddim": float((found.x - plain).abs().max()),
            }
        )
    return rows


def _denoiser(case: Case) -> Denoiser:
    return OracleDenoiser(case.law, case.schedule)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as a table of Markdown."""
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(_shown(row[head]) for head in heads) + " |" for row in rows]
    return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(f"{number:.2f}" for number in value)
    if not isinstance(value, float):
        return str(value)
    return (
        f"{value:g}" if value == 0 or 0.01 <= abs(value) < 1e4 or not math.isfinite(value) else f"{value:.1e}"
    )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--samplers", help="names, separated by commas; all that are installed by default")
    parser.add_argument(
        "--every", type=whole_number(1), default=9, help="stride of the sweep above 100 steps"
    )
    parser.add_argument(
        "--finer", type=whole_number(1), default=1, help="so many times the steps where slopes are read"
    )
    parser.add_argument("--spacings", nargs="+", default=list(SPACINGS), help="of the orders; default all")
    parser.add_argument("--only", choices=("orders", "tolerances", "sweep"), help="a part of it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.samplers.split(",") if arguments.samplers else registry.names("lab.samplers")
    samplers = [registry.create("lab.samplers", name, Sampler) for name in names]
    walks = [one for one in samplers if not one.stochastic]
    fixed = [one for one in walks if one.evaluations is not None]
    figures: dict[str, Any] = {}
    if arguments.only in (None, "orders"):
        figures["orders"] = orders(fixed, arguments.finer, arguments.spacings)
    if arguments.only in (None, "tolerances"):
        case = cases(["log-snr"])[0]
        figures |= {"tolerances": chosen_steps(case), "paradigms": sweeps(case)}
    if arguments.only in (None, "sweep"):
        figures["sweep"] = sweep(walks, arguments.every)
    if not arguments.json:
        for name in ("orders", "tolerances", "paradigms"):
            if name in figures:
                print(table(figures.pop(name)) + "\n")
    show("orders of deterministic samplers", figures, arguments.json)


if __name__ == "__main__":
    main()
