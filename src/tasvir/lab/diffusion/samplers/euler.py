"""Euler's method in t, the simplest solver of the probability flow."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.singlestep import SinglestepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_velocity


class EulerSampler(SinglestepSampler):
    """x_s = x_t + (s - t) v, v = f x - g^2 score / 2 (Song et al. 2021, equation 13)."""

    name: ClassVar[str] = "euler"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1
    wants: ClassVar[Prediction] = "velocity"
    in_time: ClassVar[bool] = True
    transfer: ClassVar[Transfer] = from_velocity
