"""Adams-Bashforth methods in t on the velocity of the probability flow, for grids of any spacing."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_velocity


class AdamsBashforth2Sampler(MultistepSampler):
    """The polynomial of v in t through 2 answers."""

    name: ClassVar[str] = "ab-2"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "velocity"
    remembers: ClassVar[int] = 2
    in_time: ClassVar[bool] = True
    transfer: ClassVar[Transfer] = from_velocity


class AdamsBashforth3Sampler(MultistepSampler):
    """The polynomial of v in t through 3 answers."""

    name: ClassVar[str] = "ab-3"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "velocity"
    remembers: ClassVar[int] = 3
    in_time: ClassVar[bool] = True
    transfer: ClassVar[Transfer] = from_velocity
