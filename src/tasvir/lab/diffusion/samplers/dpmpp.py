"""DPM-Solver++, single steps (Lu et al. 2023): the data form, steadier under strong guidance."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.singlestep import SinglestepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_data


class Dpmpp1Sampler(SinglestepSampler):
    """x_s = (sigma_s / sigma_t) x_t + alpha_s (1 - e^-h) x0 (equation 10), h the step of lambda: DDIM."""

    name: ClassVar[str] = "dpmpp-1"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1
    wants: ClassVar[Prediction] = "x0"
    transfer: ClassVar[Transfer] = from_data


class Dpmpp2sSampler(SinglestepSampler):
    """The data guessed halfway in lambda for the whole step (algorithm 1, r1 = 1/2)."""

    name: ClassVar[str] = "dpmpp-2s"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 2
    wants: ClassVar[Prediction] = "x0"
    transfer: ClassVar[Transfer] = from_data


class Dpmpp3sSampler(SinglestepSampler):
    """The data guessed at 0, 1/3 and 2/3 of the step: DPM-Solver-3's stages in the data form."""

    name: ClassVar[str] = "dpmpp-3s"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 3
    wants: ClassVar[Prediction] = "x0"
    transfer: ClassVar[Transfer] = from_data
