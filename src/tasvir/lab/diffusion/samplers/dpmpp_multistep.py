"""DPM-Solver++ from remembered guesses (Lu et al. 2023): the data form, one question a step."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_data, from_data_halved


class Dpmpp2mSampler(MultistepSampler):
    """The line through two guesses, taken at the middle of the step (algorithm 2)."""

    name: ClassVar[str] = "dpmpp-2m"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "x0"
    remembers: ClassVar[int] = 2
    transfer: ClassVar[Transfer] = from_data_halved


class Dpmpp3mSampler(MultistepSampler):
    """The parabola in lambda through three guesses, integrated exactly.

    The published third order weighs the second difference with half of what the integral gives, and so is of
    order 2.
    """

    name: ClassVar[str] = "dpmpp-3m"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "x0"
    remembers: ClassVar[int] = 3
    transfer: ClassVar[Transfer] = from_data
