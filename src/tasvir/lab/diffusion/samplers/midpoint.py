"""The midpoint rule in t (Runge 1895): an Euler step halfway tells the velocity for the whole step."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.singlestep import SinglestepSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, from_velocity


class MidpointSampler(SinglestepSampler):
    """x_s = x_t + (s - t) v(x_t + (s - t) v / 2, (s + t) / 2), v the probability flow's velocity."""

    name: ClassVar[str] = "midpoint"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 2
    wants: ClassVar[Prediction] = "velocity"
    in_time: ClassVar[bool] = True
    transfer: ClassVar[Transfer] = from_velocity
