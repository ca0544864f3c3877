"""Ours and other people's samplers, from the same noise over the same levels with exact answers.

Where they are right they must agree; where they are wrong, a test shows it, and fails once it is mended.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path as File
from types import ModuleType
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from lab_problems import slopes
from torch import Tensor

from tasvir import registry
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.problems import flow_end, problem
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule

STEPS = 10
BETAS = np.linspace(1e-4, 0.02, 1000)
LAW = problem("scales").law
Z = problem("scales").starts(16, 1.0)


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(File(__file__).parents[3] / "benchmarks")
    import lab_peers

    return lab_peers


def ours(name: str, ratios: Sequence[float], schedule: Schedule, **options: Any) -> Tensor:
    """y at the end of a grid of r = sigma / alpha, from Z at its first level."""
    sampler = registry.create("lab.samplers", name, Sampler, **options)
    logs = -torch.tensor(ratios, dtype=torch.float64).log()
    times = [
        *schedule.time_of(logs[logs < torch.inf]).tolist(),
        *([schedule.first] if ratios[-1] == 0 else []),
    ]
    grid = Path(tuple(schedule.level(t) for t in times))
    first, last = grid.levels[0], grid.levels[-1]
    found = sample(OracleDenoiser(LAW, schedule), sampler, grid, Z * first.sigma, gaussian_noise(0)).x
    return found / last.alpha


def theirs(
    peers: ModuleType, name: str, questions: int | None = None, **options: Any
) -> tuple[Tensor, list[float], Any]:
    """y of a scheduler of diffusers, r of its questions, and itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = getattr(diffusers, f"{name}Scheduler")(trained_betas=BETAS, **options)
        y, asked = peers.scheduled(scheduler, LAW, Z, STEPS, questions)
    return y, asked, scheduler


KARRAS = {"use_karras_sigmas": True}
LINEAR = {"timestep_spacing": "linspace"}
TO_LEAST = {"final_sigmas_type": "sigma_min", "lower_order_final": False}
SAME: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ddim": ("DDIM", {"clip_sample": False, "timestep_spacing": "trailing"}, {}),
    "euler": ("EulerDiscrete", KARRAS, {}),
    "dpmpp-1": ("DPMSolverMultistep", {"solver_order": 1, **KARRAS}, {}),
    "dpmpp-2m": ("DPMSolverMultistep", {**KARRAS}, {"start": "lower-order"}),
    "dpm-solver-2m": (
        "DPMSolverMultistep",
        {"algorithm_type": "dpmsolver", **LINEAR, **TO_LEAST},
        {"start": "lower-order"},
    ),
    "deis-log-rho-2": ("DEISMultistep", {"solver_order": 2, "lower_order_final": False, **LINEAR}, {}),
    "deis-log-rho-3": (
        "DEISMultistep",
        {"solver_order": 3, "lower_order_final": False, **LINEAR},
        {"start": "lower-order"},
    ),
    "unipc-1": ("UniPCMultistep", {"solver_order": 1, **LINEAR, **TO_LEAST}, {}),
    "unipc-2": ("UniPCMultistep", {"solver_order": 2, **LINEAR, **TO_LEAST}, {}),
    "unipc-3": ("UniPCMultistep", {"solver_order": 3, **LINEAR, **TO_LEAST}, {"start": "lower-order"}),
}
"""Ours -> theirs, its options, ours."""


@pytest.mark.parametrize("name", SAME)
def test_as_diffusers(peers: ModuleType, name: str) -> None:
    kind, options, own = SAME[name]
    y, asked, scheduler = theirs(peers, kind, **options)
    last = float(scheduler.sigmas[-1]) if hasattr(scheduler, "sigmas") else 0.0
    schedule = KarrasSchedule(200.0) if name == "euler" else TableSchedule(torch.tensor(BETAS))
    found = ours(name, [*asked, last], schedule, **own)
    loose = 5.0 if name in ("deis-log-rho-3", "unipc-3") else 1.0  # their float32 coefficients cancel
    assert found == pytest.approx(y, abs=1e-5 * loose)


@pytest.mark.parametrize(
    ("name", "kind", "options", "own", "per_step"),
    [
        ("heun", "HeunDiscrete", KARRAS, {}, 2),
        ("lms", "LMSDiscrete", KARRAS, {"start": "lower-order"}, 1),
    ],
    ids=["heun", "lms"],
)
def test_as_diffusers_up_to_the_last_step(
    peers: ModuleType, name: str, kind: str, options: dict[str, Any], own: dict[str, Any], per_step: int
) -> None:
    """Their last step, to sigma = 0, is another one than ours."""
    y, asked, scheduler = theirs(peers, kind, questions=per_step * (STEPS - 1), **options)
    ratios = [*dict.fromkeys(asked), float(scheduler.sigmas[-2])]
    assert ours(
        name, list(dict.fromkeys(ratios)), TableSchedule(torch.tensor(BETAS)), **own
    ) == pytest.approx(y, abs=1e-5)


@pytest.mark.parametrize("runge_kutta", [False, True], ids=["plms", "pndm"])
def test_as_diffusers_pndm(peers: ModuleType, runge_kutta: bool) -> None:
    """Its timesteps are whole numbers, so that halves of a step are; compared before its last step."""
    y, _, scheduler = theirs(
        peers,
        "PNDM",
        questions=STEPS + 8 if runge_kutta else STEPS,
        skip_prk_steps=not runge_kutta,
        timestep_spacing="leading",
    )
    schedule = TableSchedule(torch.tensor(BETAS))
    times = sorted({float(t) + 1 for t in scheduler._timesteps}, reverse=True)
    ratios = [schedule.level(t).ratio for t in times]
    assert ours("pndm" if runge_kutta else "plms", ratios, schedule) == pytest.approx(y, abs=1e-5)


@pytest.mark.parametrize(("variance", "kind"), [("beta-tilde", "fixed_small"), ("beta", "fixed_large")])
def test_as_diffusers_ddpm_with_the_same_noise(peers: ModuleType, variance: str, kind: str) -> None:
    scheduler = diffusers.DDPMScheduler(
        trained_betas=BETAS, variance_type=kind, clip_sample=False, timestep_spacing="trailing"
    )
    scheduler.set_timesteps(STEPS)
    schedule = TableSchedule(torch.tensor(BETAS))
    levels = [schedule.level(float(t) + 1) for t in scheduler.timesteps]
    dice = torch.Generator().manual_seed(3)
    x = Z * levels[0].sigma
    for t, level in zip(scheduler.timesteps[:-1], levels[:-1], strict=True):  # their last step adds noise too
        eps = (x - level.alpha * LAW.denoise(x, level.alpha, level.sigma)) / level.sigma
        x = scheduler.step(eps, t, x, generator=dice).prev_sample
    dice.manual_seed(3)
    grid = Path(tuple(levels))
    sampler = registry.create("lab.samplers", "ancestral", Sampler, variance=variance)
    found = sample(
        OracleDenoiser(LAW, schedule),
        sampler,
        grid,
        Z * levels[0].sigma,
        lambda like: torch.randn(like.shape, generator=dice, dtype=like.dtype),
    ).x
    assert found == pytest.approx(x, abs=1e-5)


KARRAS_GRID = [(80.0 ** (1 / 7) + i / 12 * (0.05 ** (1 / 7) - 80.0 ** (1 / 7))) ** 7 for i in range(13)]
LOWER = {"start": "lower-order"}


@pytest.mark.parametrize(
    ("name", "kind", "order", "own"),
    [
        ("ddim", "EulerSampler", None, {}),
        ("ddim", "DDIMSampler", None, {}),
        ("heun", "HeunSampler", None, {}),
        ("deis-rho-2", "zABSampler", 2, LOWER),
        ("deis-rho-3", "zABSampler", 3, LOWER),
        ("deis-log-rho-2", "zEABSampler", 2, LOWER),
        ("deis-log-rho-3", "zEABSampler", 3, LOWER),
        ("dpmpp-3m", "xEABSampler", 3, LOWER),
        ("ab-2", "vABSampler", 2, LOWER),
        ("ab-3", "vABSampler", 3, LOWER),
    ],
)
def test_as_azula(peers: ModuleType, name: str, kind: str, order: int | None, own: dict[str, Any]) -> None:
    pytest.importorskip("azula")
    y, asked = peers.azula_on(kind, {"order": order} if order else {}, KARRAS_GRID, LAW, Z * KARRAS_GRID[0])
    schedule: Schedule = StraightSchedule() if kind == "vABSampler" else KarrasSchedule()
    assert asked == 12 * (2 if kind == "HeunSampler" else 1)
    assert ours(name, KARRAS_GRID, schedule, **own) == pytest.approx(y, abs=1e-9)


LINE = problem("line").law
LINE_Z = problem("line").starts(24, 1.0)


@cache
def line_end(ratio: float) -> Tensor:
    """Where the flow leads LINE_Z from a noise."""
    return flow_end(LINE, LINE_Z * ratio, ratio, width=0.2)


def line_errors(peers: ModuleType, name: str, counts: Sequence[int], **options: Any) -> list[float]:
    """Largest errors of a scheduler on three Gaussians, for each number of steps; NaN where one is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = []
        for count in counts:
            scheduler = getattr(diffusers, f"{name}Scheduler")(trained_betas=BETAS, **options)
            y, asked = peers.scheduled(scheduler, LINE, LINE_Z, count)
            found.append(float((y - line_end(asked[0])).abs().max()))
    return found


def test_fault_azula_reab_is_of_order_1(peers: ModuleType) -> None:
    """Its last factor takes sigma where the step begins, its docstring sigma where it ends."""
    pytest.importorskip("azula")
    truth = line_end(20.0)
    for order in (2, 3):
        errors = []
        for steps in (128, 256, 512):
            grid = [20.0 * (1e-4 / 20.0) ** (i / steps) for i in range(steps + 1)]
            y, _ = peers.azula_on("REABSampler", {"order": order}, grid, LINE, LINE_Z * 20.0)
            errors.append(float((y - truth).abs().max()))
        assert slopes(errors) == pytest.approx([1.0, 1.0], abs=0.15)


def test_fault_diffusers_dpmpp_3_is_not_a_number(peers: ModuleType) -> None:
    """Ending at sigma_min on Karras' grid repeats the last noise: 0 / 0 from 15 steps on."""
    options = {"solver_order": 3, "final_sigmas_type": "sigma_min", **KARRAS}
    one, other = line_errors(peers, "DPMSolverMultistep", (8, 16), **options)
    assert one < 1 and math.isnan(other)


def test_fault_diffusers_deis_3_grows_with_the_steps(peers: ModuleType) -> None:
    errors = line_errors(peers, "DEISMultistep", (64, 256), solver_order=3, **KARRAS)
    assert errors[1] > errors[0]  # a method of order 3 would have 64 times less


@pytest.mark.parametrize(
    "options",
    [{"solver_type": "bh1"}, {"predict_x0": False}, {"solver_type": "bh1", "solver_order": 1}],
    ids=str,
)
def test_fault_diffusers_unipc_is_not_a_number(peers: ModuleType, options: dict[str, Any]) -> None:
    """B(h) = h is infinite where the last step goes to sigma = 0, as it does by default."""
    assert math.isnan(line_errors(peers, "UniPCMultistep", (10,), **options)[0])


def test_fault_diffusers_ddim_leaves_its_levels(peers: ModuleType) -> None:
    """It steps by 1000 // n, but asks at round(1000 i / n): with 12 steps it ends elsewhere than its grid."""
    options = {"clip_sample": False, "timestep_spacing": "trailing"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, asked = peers.scheduled(diffusers.DDIMScheduler(trained_betas=BETAS, **options), LAW, Z, 12)
    assert float((ours("ddim", [*asked, 0.0], TableSchedule(torch.tensor(BETAS))) - y).abs().max()) > 1e-3


def test_fault_diffusers_pndm_ends_with_an_empty_step(peers: ModuleType) -> None:
    """By default its last step goes from timestep 0 to timestep 0: the last evaluation is for nothing."""
    y, asked, _ = theirs(peers, "PNDM", skip_prk_steps=True)
    before, _, _ = theirs(peers, "PNDM", skip_prk_steps=True, questions=len(asked) - 1)
    assert y == pytest.approx(before, abs=1e-6)
