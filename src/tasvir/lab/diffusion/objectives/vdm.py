"""The bound of variational diffusion models in continuous time, with a schedule that learns.

-log p(x) <= KL(q(z_1 | x) || N(0, I)) - E log p(x | z_0) + 1/2 E gamma'(t) |eps - eps_theta|^2,
gamma = -log SNR (thesis 4.33, 4.34 with nu = SNR). The last part depends on gamma's ends alone; between them
gamma is led to where the part's estimate varies least (Kingma et al. 2021, section 5.1).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.decoders import among_levels
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import even
from tasvir.lab.diffusion.schedules.base import shaped
from tasvir.lab.diffusion.schedules.learned import LearnedSchedule

ENOUGH = 8192
"""Numbers of which the reconstruction is estimated at a step."""


class VdmObjective(Objective):
    """The bound in nats a dimension, at times spread evenly over the batch.

    Gradients: of the bound for the network and gamma's ends; of the squared last part, whose mean the inside
    of gamma does not change, for that inside. The network must tell eps.

    Args:
        levels: Values a number can take, for p(x | z_0); None = real numbers, decoded by N(z_0 / alpha_0,
            sigma_0^2 / alpha_0^2).
    """

    def __init__(self, levels: int | None) -> None:
        self.levels = levels

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`.

        Raises:
            SettingError: The schedule does not learn, or the network does not tell eps.
        """
        schedule = denoiser.schedule
        if not isinstance(schedule, LearnedSchedule) or denoiser.prediction != "eps":
            raise SettingError("the bound of VDM is for a LearnedSchedule and a network that tells eps")
        times = even(len(data), generator, data.device)
        inside, slope = _inside(schedule, times)
        begin, end = schedule.ends
        gamma = begin + (end - begin) * inside
        eps = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
        alpha, sigma = torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt()
        x = shaped(alpha, data) * data + shaped(sigma, data) * eps
        error = (eps - denoiser.under(x, alpha, sigma, labels)).square().flatten(1).mean(1)
        part = 0.5 * (end - begin) * slope * error
        if part.requires_grad and inside.requires_grad:
            twice = 2 * part.detach()
            inside.register_hook(lambda gradient: gradient * twice)
            slope.register_hook(lambda gradient: gradient * twice)
        ends = prior_nats(data, end) + reconstruction_nats(data, begin, self.levels, generator)
        found: Tensor = ends + part.to(data)
        return found


def _inside(schedule: LearnedSchedule, times: Tensor) -> tuple[Tensor, Tensor]:
    """(gamma - g0) / (g1 - g0) and its slope: what of gamma the ends do not change, [B] each."""
    begin, end = schedule.ends
    return (schedule.gamma(times) - begin) / (end - begin), schedule.gamma_slope(times) / (end - begin)


def prior_nats(data: Tensor, end: Tensor) -> Tensor:
    """KL(q(z_1 | x) || N(0, I)) a dimension: [B]."""
    variance, share = torch.sigmoid(end), torch.sigmoid(-end)
    square = data.square().flatten(1).mean(1)
    return (0.5 * (share * square + variance - 1 - variance.log())).to(data)


def reconstruction_nats(
    data: Tensor, begin: Tensor, levels: int | None, generator: torch.Generator
) -> Tensor:
    """E -log p(x | z_0) a dimension, [B]; p(x | z_0) is proportional to q(z_0 | x) over the levels.

    No network has a part in it: of pictures the first few stand for the batch.
    """
    deviation = torch.exp(begin / 2).to(data)  # of z_0 / alpha_0
    if levels is None:
        return (0.5 * math.log(2 * math.pi * math.e) + deviation.log()).expand(len(data))
    some = data[: max(1, ENOUGH // data[0].numel())]
    eps = torch.randn(some.shape, generator=generator, dtype=data.dtype, device=data.device)
    found = -among_levels(some, some + deviation * eps, deviation, levels).mean()
    return found.to(data).expand(len(data))
