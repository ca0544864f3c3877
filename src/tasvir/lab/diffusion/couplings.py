"""Which noise goes with which data, what carrying one to the other costs, and how straight the ways are.

Independent pairs make paths cross, and the flow that results from them bends. Pairs that cross less make it
straighter: those of an optimal assignment within the batch (Pooladian et al. 2023; Tong et al. 2024), or
those that a flow itself has made (rectified flow, Liu et al. 2022, whose transport costs never rise).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.predictions import convert
from tasvir.lab.diffusion.samplers.base import Question
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample

Coupling = Callable[[Tensor, Tensor], Tensor]
"""(noise [B, ...], data [B, ...]) -> the noise in the order in which it goes with the data."""


def optimal(noise: Tensor, data: Tensor) -> Tensor:
    """The order that makes the sum of squared distances least, exactly (linear assignment; O(B^3)).

    Raises:
        SettingError: scipy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ModuleNotFoundError:
        raise SettingError("optimal coupling needs scipy: pip install 'tasvir[lab]'") from None
    costs = torch.cdist(data.flatten(1).double(), noise.flatten(1).double()).square()
    _, order = linear_sum_assignment(costs.cpu().numpy())
    return noise[torch.from_numpy(order).to(noise.device)]


def transport_cost(noise: Tensor, ends: Tensor) -> float:
    """E |x_1 - x_0|^2 of pairs [N, ...]."""
    return float((noise - ends).double().flatten(1).square().sum(1).mean())


@torch.no_grad()
def straightness(denoiser: Denoiser, x: Tensor, steps: int = 50) -> float:
    """Integral of E |x_1 - x_0 - v(x_t, t)|^2 dt along a flow, as a share of E |x_1 - x_0|^2.

    0 where every way is straight and gone at one speed, so that one step of Euler's method is exact (Liu et
    al. 2022, section 2.2, divided by the squared length so that it has no unit).

    Args:
        denoiser: Of a schedule whose time goes from 0 to 1.
        x: x_1, [N, ...].
        steps: Of Euler's method, equal in time.
    """
    schedule = denoiser.schedule
    grid = path(schedule, steps, "time", end=schedule.first, to_data=False)
    velocities: list[Tensor] = []

    def keep(_: int, question: Question, x0: Tensor) -> None:
        velocities.append(convert(x0, question.x, question.level, "x0", "velocity"))

    end = sample(denoiser, DdimSampler(), grid, x, gaussian_noise(0), keep).x
    whole = (x - end) / (schedule.last - schedule.first)
    bent = torch.stack([(one - whole).flatten(1).square().sum(1).mean() for one in velocities]).mean()
    return float(bent / whole.flatten(1).square().sum(1).mean())
