"""Other people's samplers, driven with exact answers: diffusers' schedulers and azula's samplers.

They are given the oracle's denoiser at the very noise level that they are at, read from their own tables, so
that nothing but the sampler is compared. All is told in y = x / alpha over r = sigma / alpha: a variance-
preserving state is scaled on its way in and out. azula is no dependency: without it its list is empty.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import numpy as np
import torch
from torch import Tensor

from tasvir.lab.diffusion.oracles.base import Law

diffusers.logging.set_verbosity_error()

VP_BETAS = np.linspace(1e-4, 0.02, 1000)
"""DDPM's (Ho et al. 2020)."""


@dataclass(frozen=True)
class Range:
    """Between which noises r = sigma / alpha one samples, as a table of betas that diffusers takes."""

    name: str
    betas: np.ndarray

    @property
    def ratios(self) -> np.ndarray:
        """r of each level of the table as diffusers has it, in float32, rising."""
        kept = torch.cumprod(1.0 - torch.tensor(self.betas, dtype=torch.float32), dim=0).double().numpy()
        found: np.ndarray = np.sqrt((1 - kept) / kept)
        return found

    @property
    def most(self) -> float:
        return float(self.ratios[-1])

    @property
    def least(self) -> float:
        return float(self.ratios[0])


def karras_betas(least: float = 0.002, most: float = 80.0, levels: int = 1000) -> np.ndarray:
    """Betas whose levels are EDM's grid (Karras et al. 2022, equation 5), for those that want a table."""
    ramp = np.linspace(0, 1, levels)
    ratios = (least ** (1 / 7) + ramp * (most ** (1 / 7) - least ** (1 / 7))) ** 7
    kept = 1 / (1 + ratios**2)
    found: np.ndarray = 1 - kept / np.concatenate([[1.0], kept[:-1]])
    return found


RANGES = {one.name: one for one in (Range("vp", VP_BETAS), Range("edm", karras_betas()))}


@dataclass(frozen=True)
class Peer:
    """One sampler of another library with its options.

    Args:
        name: What it is called in tables.
        library: "diffusers" or "azula".
        run: (law, z [N, D], range, evaluations) -> y at its end, and how often it asked.
    """

    name: str
    library: str
    run: Callable[[Law, Tensor, Range, int], tuple[Tensor, int]]


def scheduled(
    scheduler: Any, law: Law, z: Tensor, steps: int, questions: int | None = None
) -> tuple[Tensor, list[float]]:
    """Run a scheduler of diffusers from z; it is told exact eps, or EDM's network output where it wants that.

    Args:
        scheduler: Fresh.
        law: Who answers.
        z: Standard normal, [N, D]; the start is the scheduler's first noise times it.
        steps: As `set_timesteps` takes them.
        questions: Stop after so many; None = at its end.

    Returns:
        y where it stopped, and r of every question.
    """
    scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    level, preserving = _level_of(scheduler), _preserves(scheduler)
    asked: list[float] = []
    sample = torch.empty(0)
    for i, t in enumerate(scheduler.timesteps):
        ratio = level(i, int(t))
        scale = 1 / math.sqrt(1 + ratio**2) if preserving else 1.0
        if not asked:
            sample = z * ratio * scale
        if len(asked) == questions:
            return (sample / scale).double(), asked
        y = sample / scale
        x0 = law.denoise(y.double(), 1.0, ratio).to(y)
        asked.append(ratio)
        scheduler.scale_model_input(sample, t)
        sample = scheduler.step(_output(scheduler, sample, y, x0, ratio), t, sample).prev_sample
    return (sample / _last_scale(scheduler) if preserving else sample).double(), asked


def _output(scheduler: Any, sample: Tensor, y: Tensor, x0: Tensor, ratio: float) -> Tensor:
    if hasattr(scheduler, "precondition_outputs"):
        data = scheduler.config.sigma_data
        total = ratio**2 + data**2
        return (x0 - data**2 / total * sample) / (ratio * data / math.sqrt(total))
    return (y - x0) / ratio


def _preserves(scheduler: Any) -> bool:
    """Whether the state is alpha y rather than y."""
    name = type(scheduler).__name__
    return not name.startswith(("Euler", "Heun", "LMS", "KDPM2", "EDM"))


def _level_of(scheduler: Any) -> Callable[[int, int], float]:
    """(index of the question, its timestep) -> r."""
    if hasattr(scheduler, "sigmas_interpol"):  # every second question is half-way
        return lambda i, _t: float((scheduler.sigmas if i % 2 == 0 else scheduler.sigmas_interpol)[i])
    if hasattr(scheduler, "sigmas"):
        return lambda i, _t: float(scheduler.sigmas[i])
    kept = scheduler.alphas_cumprod.double()
    return lambda _i, t: float(((1 - kept[t]) / kept[t]).sqrt())


def _last_scale(scheduler: Any) -> float:
    if hasattr(scheduler, "sigmas"):
        return 1 / math.sqrt(1 + float(scheduler.sigmas[-1]) ** 2)
    return float(scheduler.final_alpha_cumprod) ** 0.5


def diffusers_peers() -> list[Peer]:
    """Every deterministic sampler of diffusers with the options that bear on the end point.

    Left out as the same or as none: Lu's grid (the exponential one), order 1 of DPM-Solver (Euler), IPNDM
    (has a range of noises of its own), and what cannot give a number.
    """
    return [*_multistep_peers(), *_sigma_peers(), *_edm_peers()]


def _multistep_peers() -> Iterator[Peer]:
    for grid, ends in itertools.product((*SPACED, "trailing"), ("zero", "sigma_min")):
        for order, plus, kind in itertools.product((2, 3), (True, False), ("midpoint", "heun")):
            if (not plus and ends == "zero") or (order == 3 and kind == "heun"):
                continue  # refused by diffusers, or the same as midpoint
            options: dict[str, Any] = {
                "solver_order": order,
                "algorithm_type": "dpmsolver++" if plus else "dpmsolver",
                "solver_type": kind,
                "final_sigmas_type": ends,
            }
            yield _peer("DPMSolverMultistep", grid, options)
            if grid in SPACED:
                yield _peer("DPMSolverSinglestep", grid, {**options, "lower_order_final": True})
        for order, kind, guess in itertools.product((1, 2, 3), ("bh1", "bh2"), (True, False)):
            if ends == "zero" and (kind == "bh1" or not guess):
                continue  # not a number: tests/lab/diffusion/test_peers.py
            options = {"solver_order": order, "solver_type": kind, "predict_x0": guess}
            yield _peer("UniPCMultistep", grid, {**options, "final_sigmas_type": ends})
        yield _peer("EulerDiscrete", grid, {"final_sigmas_type": ends})


def _sigma_peers() -> Iterator[Peer]:
    for grid in (*SPACED, "trailing"):
        for order in (1, 2, 3):
            yield _peer("DEISMultistep", grid, {"solver_order": order})
            options = {"predictor_order": order, "corrector_order": order, "tau_func": _never}
            yield _peer("SASolver", grid, options)
        for name in ("HeunDiscrete", "KDPM2Discrete", "LMSDiscrete"):
            yield _peer(name, grid, {})
    for grid in ("linspace", "trailing"):
        yield _peer("DDIM", grid, {"clip_sample": False})
        yield _peer("PNDM", grid, {"skip_prk_steps": True})


def _edm_peers() -> Iterator[Peer]:
    for spacing, ends in itertools.product(("karras", "exponential"), ("zero", "sigma_min")):
        options = {"sigma_schedule": spacing, "final_sigmas_type": ends}
        yield _peer("EDMEuler", None, options)
        for order in (1, 2, 3):
            yield _peer("EDMDPMSolverMultistep", None, {**options, "solver_order": order})


SPACED = ("linspace", "karras", "exponential", "beta")


def _never(_t: Tensor) -> float:
    """SA-Solver's share of fresh noise."""
    return 0.0


GRIDS: dict[str | None, dict[str, Any]] = {
    None: {},
    "linspace": {"timestep_spacing": "linspace"},
    "trailing": {"timestep_spacing": "trailing"},
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "beta": {"use_beta_sigmas": True},
}


def _peer(kind: str, grid: str | None, options: dict[str, Any]) -> Peer:
    made = getattr(diffusers, f"{kind}Scheduler")
    spaced = {} if kind == "DPMSolverSinglestep" and grid == "linspace" else GRIDS[grid]
    shown = ", ".join(str(value) for value in options.values() if not callable(value))

    def run(law: Law, z: Tensor, range_: Range, evaluations: int) -> tuple[Tensor, int]:
        table: dict[str, Any]
        if kind.startswith("EDM"):
            table = {"sigma_min": range_.least, "sigma_max": range_.most}
        else:
            table = {"trained_betas": range_.betas}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler = made(**table, **spaced, **options)
            y, asked = scheduled(scheduler, law, z, _steps(kind, evaluations))
            return y, len(asked)

    return Peer(f"{kind} ({', '.join(filter(None, [grid, shown]))})", "diffusers", run)


def _steps(kind: str, evaluations: int) -> int:
    if kind in ("HeunDiscrete", "KDPM2Discrete"):
        return (evaluations + 1) // 2
    return evaluations - 1 if kind == "PNDM" else evaluations


def azula_peers() -> list[Peer]:
    """Every deterministic sampler of azula on several grids; none where it is not installed."""
    if importlib.util.find_spec("azula") is None:
        return []
    samplers: list[tuple[str, dict[str, Any]]] = [("EulerSampler", {}), ("HeunSampler", {})]
    for kind in ("zABSampler", "vABSampler", "zEABSampler", "xEABSampler", "REABSampler"):
        samplers += [(kind, {"order": order}) for order in (2, 3)]
    return [
        _azula_peer(kind, options, grid) for (kind, options), grid in itertools.product(samplers, AZULA_GRIDS)
    ]


def _log_grid(range_: Range, u: np.ndarray) -> np.ndarray:
    return np.exp(math.log(range_.most) * (1 - u) + math.log(range_.least) * u)


def _karras_grid(range_: Range, u: np.ndarray) -> np.ndarray:
    found: np.ndarray = (range_.most ** (1 / 7) * (1 - u) + range_.least ** (1 / 7) * u) ** 7
    return found


def _straight_grid(range_: Range, u: np.ndarray) -> np.ndarray:
    first, last = range_.most / (1 + range_.most), range_.least / (1 + range_.least)
    share = first * (1 - u) + last * u
    return share / (1 - share)


def _vp_grid(range_: Range, u: np.ndarray) -> np.ndarray:
    """Equal steps of t where log alpha falls with t^2: azula's VP schedule between two noises."""
    first, last = (math.sqrt(0.5 * math.log1p(r**2)) for r in (range_.most, range_.least))
    found: np.ndarray = np.sqrt(np.expm1(2 * (first * (1 - u) + last * u) ** 2))
    return found


def _cosine_grid(range_: Range, u: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.tan(math.atan(range_.most) * (1 - u) + math.atan(range_.least) * u)
    return found


AZULA_GRIDS: dict[str, Callable[[Range, np.ndarray], np.ndarray]] = {
    "ve": _log_grid,
    "karras": _karras_grid,
    "rectified": _straight_grid,
    "vp": _vp_grid,
    "cosine": _cosine_grid,
}
"""azula's schedules as spacings of r, and Karras et al.'s."""
NEVER_ZERO = ("HeunSampler", "zEABSampler", "xEABSampler", "REABSampler")
"""They ask at sigma = 0, or take its logarithm."""


def azula_on(
    kind: str, options: dict[str, Any], ratios: Sequence[float], law: Law, y: Tensor
) -> tuple[Tensor, int]:
    """Run a sampler of azula from y along a falling grid of r with alpha = 1."""
    import azula.denoise
    import azula.noise
    import azula.sample

    grid = torch.tensor(ratios, dtype=torch.float64)
    asked = 0

    class GridSchedule(azula.noise.Schedule):
        def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
            index = ((1 - t) * (len(grid) - 1)).round().long()
            return torch.ones_like(t), grid[index]

    class Exact(azula.denoise.Denoiser):
        schedule = GridSchedule()

        def forward(self, x_t: Tensor, t: Tensor, **_: Any) -> azula.denoise.DiracPosterior:
            nonlocal asked
            asked += 1
            return azula.denoise.DiracPosterior(law.denoise(x_t, 1.0, float(self.schedule(t)[1])))

    sampler = getattr(azula.sample, kind)(
        Exact(), steps=len(ratios) - 1, silent=True, dtype=torch.float64, **options
    )
    return sampler(y), asked


def _azula_peer(kind: str, options: dict[str, Any], grid: str) -> Peer:
    def run(law: Law, z: Tensor, range_: Range, evaluations: int) -> tuple[Tensor, int]:
        steps = evaluations // 2 if kind == "HeunSampler" else evaluations
        to_zero = kind not in NEVER_ZERO
        inner = np.linspace(0, 1, steps if to_zero else steps + 1)
        ratios = [*AZULA_GRIDS[grid](range_, inner), *([0.0] if to_zero else [])]
        return azula_on(kind, options, ratios, law, z * range_.most)

    shown = "".join(f", {value}" for value in options.values())
    return Peer(f"{kind} ({grid}{shown})", "azula", run)
