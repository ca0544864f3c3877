"""Likelihoods and bounds of the laboratory against laws whose density is known.

    python benchmarks/lab_likelihood.py [-n 200] [--seed 0] [--json]

By the probability flow: the largest error in nats over n examples for each law, schedule and tolerance, with
what noise alone as the terminal density gets wrong beside it; how often intervals from probes hold the exact
value. Bounds: their mean distance above -log p, with its standard error. About three minutes on one core.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from measuring import options, progress, show, whole_number
from torch import Tensor

from tasvir.lab.diffusion.bounds import chain_bound
from tasvir.lab.diffusion.continuous_bounds import continuous_bound, implicit_bound
from tasvir.lab.diffusion.likelihood import Hutchinson, law_terminal, log_likelihood
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.oracles.base import Law, OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.orders import LAWS
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.sub_vp import SubVpSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule, linear_betas
from tasvir.lab.diffusion.variances import OptimalVariance, Variance, beta, beta_tilde, of_gaussian

SCHEDULES: list[tuple[str, Schedule, float]] = [
    ("linear VP", LinearSchedule(), 1e-9),
    ("cosine VP", CosineSchedule(), 1e-8),
    ("sub-VP", SubVpSchedule(), 1e-4),
    ("Karras to 20", KarrasSchedule(20.0), 1e-5),
    ("Karras to 80", KarrasSchedule(80.0), 1e-5),
    ("straight", StraightSchedule(), 1e-5),
]
TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7)
SEEDS = 8
"""Noises that a bound is measured with."""
ROUND = MixtureLaw.gaussian(torch.tensor([0.2, -0.4]), torch.full((2,), 0.3))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(2), default=200, help="examples a law (default 200)")
    asked = parser.parse_args(arguments)
    laws = {name: make() for name, make in LAWS.items()}
    figures: dict[str, Any] = {"examples": asked.n, "seed": asked.seed}
    figures["by_the_flow"] = {
        f"{name}, {label}": by_flow(law, schedule, end, asked.n, asked.seed)
        for name, law in laws.items()
        for label, schedule, end in SCHEDULES
    }
    figures["probes"] = by_probes(laws["8-D mixture"], asked.n, asked.seed)
    figures["bounds"] = {name: bounds(law, asked.n, asked.seed) for name, law in laws.items()}
    figures["bounds"]["round Gaussian"] = bounds(ROUND, asked.n, asked.seed)
    show("likelihood on oracles", figures, asked.json)


def drawn(law: Law, n: int, seed: int) -> Tensor:
    return law.sample(n, torch.Generator().manual_seed(seed))


def by_flow(law: Law, schedule: Schedule, end: float, n: int, seed: int) -> dict[str, Any]:
    """Errors and evaluations by tolerance, and the gap of noise alone."""
    data, found = drawn(law, n, seed), {}
    exact = law.log_density(data)
    for tolerance in TOLERANCES:
        began = time.perf_counter()
        said = log_likelihood(
            OracleDenoiser(law, schedule), data, end=end, terminal=law_terminal(law),
            rtol=tolerance, atol=tolerance,
        )  # fmt: skip
        found[f"tolerance {tolerance:g}"] = {
            "largest_error_nats": float((said.nats - exact).abs().max()),
            "evaluations": said.evaluations,
            "seconds": time.perf_counter() - began,
        }
    found["largest_gap_of_noise_alone_nats"] = float(said.prior_gap.abs().max())
    progress(f"{law.name} {law.dimension}-D, {schedule.name}: done")
    return found


def by_probes(law: Law, n: int, seed: int) -> dict[str, Any]:
    """Spread of estimates with K probes, and the share of 95 % intervals (Student's t) with the truth."""
    data, denoiser = drawn(law, n, seed), OracleDenoiser(law, KarrasSchedule(80.0))
    exact = log_likelihood(denoiser, data, end=1e-3)
    quantiles = {4: 3.182, 16: 2.131, 64: 1.998}
    found = {}
    for kind in ("rademacher", "gaussian"):
        for probes, quantile in quantiles.items():
            said = log_likelihood(
                denoiser,
                data,
                end=1e-3,
                trace=Hutchinson(probes, kind, seed=seed + 1),  # type: ignore[arg-type]
            )
            assert said.error is not None
            away = (said.nats - exact.nats).abs()
            found[f"{probes} {kind}"] = {
                "root_mean_square_error_nats": float(away.square().mean().sqrt()),
                "mean_standard_error_nats": float(said.error.square().mean().sqrt()),
                "intervals_that_hold": float((away < quantile * said.error).double().mean()),
            }
    return found


def bounds(law: Law, n: int, seed: int) -> dict[str, str]:
    """Mean of log p minus its bound in nats over n examples, and its standard error over `SEEDS` noises."""
    data = drawn(law, n, seed)
    exact = law.log_density(data)
    found = {}
    for name, kind in kinds(law, data).items():
        gaps = torch.stack([(exact - kind(seed + 1 + k).nats).mean() for k in range(SEEDS)])
        found[name] = f"{float(gaps.mean()):+.4f} +- {float(gaps.std()) / math.sqrt(SEEDS):.4f}"
        progress(f"{law.name} {law.dimension}-D, {name}: {found[name]}")
    return found


def kinds(law: Law, data: Tensor) -> dict[str, Callable[[int], Bound]]:
    """Bounds as functions of the seed of their noise."""
    terminal, ddpm = law_terminal(law), OracleDenoiser(law, TableSchedule(linear_betas()))
    continuous = OracleDenoiser(law, KarrasSchedule(80.0))

    def chain(steps: int, spacing: str, variance: Variance) -> Callable[[int], Bound]:
        grid = path(ddpm.schedule, steps, spacing, end=1.0)
        return lambda seed: chain_bound(ddpm, data, grid, variance=variance, terminal=terminal, seed=seed)

    found: dict[str, Callable[[int], Bound]] = {
        "DDPM's 1000 steps, beta": chain(1000, "time", beta),
        "DDPM's 1000 steps, beta-tilde": chain(1000, "time", beta_tilde),
        "100 steps even in log SNR, beta": chain(100, "log-snr", beta),
        "100 steps even in log SNR, beta-tilde": chain(100, "log-snr", beta_tilde),
        "SDE, denoising form": lambda seed: continuous_bound(
            continuous, data, end=1e-3, terminal=terminal, strata=100, seed=seed
        ),
        "SDE, implicit form": lambda seed: implicit_bound(
            continuous, data, end=1e-3, terminal=terminal, strata=100, seed=seed
        ),
    }
    if isinstance(law, MixtureLaw) and len(law.weights) == 1:
        found["10 steps even in log SNR, optimal variance"] = chain(
            10, "log-snr", OptimalVariance(of_gaussian(law))
        )
    return found


if __name__ == "__main__":
    main()
