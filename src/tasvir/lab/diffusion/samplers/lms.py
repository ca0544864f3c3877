"""Linear multistep in noise (Crowson's LMS of k-diffusion): Adams-Bashforth on the grid as it is."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_noise_in_ratio


class LmsSampler(MultistepSampler):
    """dx / dsigma = eps by the cubic through four answers; rho-AB of DEIS with one answer more."""

    name: ClassVar[str] = "lms"
    order: ClassVar[float] = 4
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 4
    transfer: ClassVar[Transfer] = from_noise_in_ratio
