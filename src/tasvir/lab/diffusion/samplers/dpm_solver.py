"""DPM-Solver (Lu et al. 2022): the noise form, exact but for eps within a step; thesis 4.3.2.2."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.singlestep import SinglestepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_noise


class DpmSolver1Sampler(SinglestepSampler):
    """x_s = (alpha_s / alpha_t) x_t - sigma_s (e^h - 1) eps (equation 3.7), h the step of lambda: DDIM."""

    name: ClassVar[str] = "dpm-solver-1"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1
    wants: ClassVar[Prediction] = "eps"
    transfer: ClassVar[Transfer] = from_noise


class DpmSolver2Sampler(SinglestepSampler):
    """The noise halfway in lambda for the whole step (algorithm 1, r1 = 1/2)."""

    name: ClassVar[str] = "dpm-solver-2"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 2
    wants: ClassVar[Prediction] = "eps"
    transfer: ClassVar[Transfer] = from_noise


class DpmSolver3Sampler(SinglestepSampler):
    """The noise at 0, 1/3 and 2/3 of the step (algorithm 2, r1 = 1/3, r2 = 2/3)."""

    name: ClassVar[str] = "dpm-solver-3"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 3
    wants: ClassVar[Prediction] = "eps"
    transfer: ClassVar[Transfer] = from_noise
