"""Of which weak order is every stochastic sampler of the laboratory, and does it stay finite?

    python benchmarks/lab_weak_orders.py [--samplers NAME ...] [--spacings NAME ...] [--steps 128] [--sweep]

With Gaussian data a walk is affine in its noise, so that the mean and covariance of what it returns are known
to rounding, without drawing (`tasvir.lab.diffusion.oracles.affine`). The error is the largest of mean and
covariance against the exact law at the path's end; the order is log2 of its ratio when 128 steps double.
Problems: N(0.3, 0.25) under the linear schedule to t = 0.15 and under Karras' (sigma 20) to 0.5, where some
noise is left, as the first-order errors of some methods vanish with it; and a correlated Gaussian in the
plane, Karras to 0.5. "var@16" is the variance returned over the true one, by 16 steps of the first problem. A
sampler of order 0 errs by the size of its Langevin steps; its last error is shown instead.
What chooses its steps by what it sees is drawn: its variance ratio, with its standard error, and its cost.

--sweep walks every sampler on every spacing of two schedules to the data, by 1 to 16, 25, 50, 100 and 1000
steps, and counts the walks that are not finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from measuring import options, progress, show, whole_number

from tasvir import registry
from tasvir.errors import NotFiniteError
from tasvir.lab.diffusion.oracles.affine import marginal, moments_of_gaussian
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import SPACINGS, Path, path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample, start
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

LINE = MixtureLaw.gaussian(torch.tensor([0.3]), torch.tensor([[0.25]]))
PLANE = MixtureLaw.gaussian(torch.tensor([0.3, -0.5]), torch.tensor([[1.0, 0.6], [0.6, 0.5]]))
PROBLEMS: Mapping[str, tuple[MixtureLaw, Schedule, float]] = {
    "linear": (LINE, LinearSchedule(), 0.15),
    "karras": (LINE, KarrasSchedule(20.0), 0.5),
    "plane": (PLANE, KarrasSchedule(20.0), 0.5),
}
DRAWS = 4000
SWEPT = (*range(1, 17), 25, 50, 100, 1000)


def error(sampler: Sampler, problem: str, steps: int, spacing: str) -> float:
    """Largest error of mean and covariance, exact."""
    law, schedule, end = PROBLEMS[problem]
    through = path(schedule, steps, spacing, end=end, to_data=False)
    found, truth = moments_of_gaussian(sampler, through, law), marginal(law, through.levels[-1])
    return max(
        float((found.mean - truth.mean).abs().max()),
        float((found.covariance - truth.covariance).abs().max()),
    )


def figures(sampler: Sampler, spacings: Sequence[str], least: int) -> dict[str, Any]:
    """One sampler's line of the table."""
    line: dict[str, Any] = {"declared": sampler.order}
    for spacing in spacings:
        for problem in PROBLEMS:
            coarse, fine = (error(sampler, problem, steps, spacing) for steps in (least, 2 * least))
            label = f"{problem} {spacing}"
            line[label] = round(math.log2(coarse / fine), 2) if sampler.order > 0 else float(f"{fine:.2g}")
    through = path(PROBLEMS["linear"][1], 16, "log-snr", end=0.15, to_data=False)
    ratio = (
        moments_of_gaussian(sampler, through, LINE).covariance / marginal(LINE, through.levels[-1]).covariance
    )
    line["var@16"] = round(float(ratio), 3)
    return line


def drawn(sampler: Sampler, seed: int) -> dict[str, Any]:
    """The variance ratio of an adaptive sampler, from draws."""
    law, schedule, end = PROBLEMS["linear"]
    through = path(schedule, 16, "time", end=end, to_data=False)
    begin, noise = marginal(law, through.levels[0]), gaussian_noise(seed)
    x = begin.mean + noise(torch.zeros(DRAWS, 1, dtype=torch.float64)) * begin.covariance.sqrt()
    done = sample(OracleDenoiser(law, schedule), sampler, through, x, noise)
    ratio = float(done.x.var() / marginal(law, through.levels[-1]).covariance)
    return {
        "declared": sampler.order,
        "variance ratio": f"{ratio:.3f} +- {math.sqrt(2 / DRAWS):.3f} of {DRAWS} draws",
        "evaluations": done.evaluations,
    }


def swept(samplers: Sequence[Sampler]) -> dict[str, Any]:
    """Walks to the data, and those of them that do not end in finite numbers."""
    broken: dict[str, list[str]] = {sampler.name: [] for sampler in samplers}
    for schedule in (LinearSchedule(), KarrasSchedule(80.0)):
        for spacing in SPACINGS:
            for steps in SWEPT:
                through = path(schedule, steps, spacing, end=0.002)  # its levels are worked out once for all
                for sampler in samplers:
                    if not finite(sampler, through):
                        broken[sampler.name].append(f"{schedule.name} {spacing} {steps}")
            progress(f"{schedule.name} {spacing}: {sum(map(len, broken.values()))} not finite so far")
    walks = 2 * len(SPACINGS) * len(SWEPT)
    return {name: {"walks": walks, "not finite": len(bad), "which": bad[:5]} for name, bad in broken.items()}


def finite(sampler: Sampler, through: Path) -> bool:
    """Whether four samples are."""
    noise = gaussian_noise(0)
    try:
        sample(OracleDenoiser(LINE, through.schedule), sampler, through, start((4, 1), through, noise), noise)
    except NotFiniteError:
        return False
    return True


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--samplers", nargs="+", help="default: all stochastic ones that are installed")
    parser.add_argument("--spacings", nargs="+", default=["log-snr"], choices=list(SPACINGS))
    parser.add_argument("--steps", type=whole_number(1), default=128, help="that double (default 128)")
    parser.add_argument("--sweep", action="store_true", help="look for NaN instead; minutes")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    names = asked.samplers or registry.names("lab.samplers")
    samplers = [registry.create("lab.samplers", name, Sampler) for name in names]
    samplers = [sampler for sampler in samplers if sampler.stochastic]
    if asked.sweep:
        table = swept(samplers)
    else:
        table = {}
        for sampler in samplers:
            progress(sampler.name)
            adaptive = sampler.name == "gotta-go-fast"
            table[sampler.name] = (
                drawn(sampler, asked.seed) if adaptive else figures(sampler, asked.spacings, asked.steps)
            )
    show("stochastic samplers of the laboratory", {"samplers": table}, asked.json)


if __name__ == "__main__":
    main()
