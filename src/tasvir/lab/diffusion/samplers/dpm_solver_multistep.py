"""DPM-Solver from remembered noise (Lu et al. 2022, 2023): the noise form, one question a step."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_noise, from_noise_halved


class DpmSolver2mSampler(MultistepSampler):
    """The line through two answers, taken at the middle of the step, as published."""

    name: ClassVar[str] = "dpm-solver-2m"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 2
    transfer: ClassVar[Transfer] = from_noise_halved


class DpmSolver3mSampler(MultistepSampler):
    """The parabola in lambda through three answers, integrated exactly: DEIS in log-rho.

    The published third order weighs the second difference with half of what the integral gives, and so is of
    order 2.
    """

    name: ClassVar[str] = "dpm-solver-3m"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 3
    transfer: ClassVar[Transfer] = from_noise
