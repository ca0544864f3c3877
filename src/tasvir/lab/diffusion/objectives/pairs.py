"""Learning from pairs that another flow has made: reflow and one-step distillation (Liu et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.coupled import between, times_of
from tasvir.lab.diffusion.objectives.noising import squared_error
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample

CHUNK = 500
"""Pairs that are made together."""


class PairsObjective(Objective):
    """E |eps - x - v(x_t, t)|^2 / D on x_t between noise eps and the x that a teacher's flow leads it to.

    The pairs are made when the first loss is asked for, by the teacher's own sampler (DDIM where that one
    draws noise), and serve until the training ends; data are not looked at.

    Args:
        teacher: Any model of noise and data.
        count: How many pairs.
        steps: Of the teacher's walk; None = its own.
        one_step: Whether only t = last counts, which makes a network of one step.

    Raises:
        SettingError: count or steps below 1.
    """

    def __init__(self, teacher: GaussianModel, count: int, steps: int | None, one_step: bool) -> None:
        if count < 1 or (steps is not None and steps < 1):
            raise SettingError(f"{count} pairs by {steps} steps: take 1 or more of both")
        self.teacher, self.count, self.steps, self.one_step = teacher, count, steps, one_step
        self.pairs: tuple[Tensor, Tensor, Tensor | None] | None = None

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        if self.pairs is None:
            self.pairs = made_pairs(self.teacher, self.count, self.steps, labelled=labels is not None)
        noise, ends, known = self.pairs
        chosen = torch.randint(self.count, (len(data),), generator=generator, device=data.device)
        if self.one_step:
            times = torch.full((len(data),), denoiser.schedule.last, dtype=torch.float64, device=data.device)
        else:
            times = times_of(denoiser.schedule, len(data), generator, data.device)
        given = between(denoiser.schedule, ends[chosen], noise[chosen], times)
        return squared_error(denoiser, given, None if known is None else known[chosen])


@torch.no_grad()
def made_pairs(
    teacher: GaussianModel, count: int, steps: int | None = None, *, labelled: bool = False, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Noise, where the teacher's flow leads it, and the classes it was asked for: [count, ...], [count].

    Args:
        teacher: Any model of noise and data.
        count: How many.
        steps: Of the walk; None = the teacher's own.
        labelled: Whether classes are asked for, if the teacher knows any.
        seed: Of noise and classes.
    """
    sampler = DdimSampler() if teacher.drawing.sampler.stochastic else teacher.drawing.sampler
    grid, noise = teacher.path(steps), gaussian_noise(seed)
    like = next(teacher.network.parameters())
    whole = noise(torch.empty((count, *teacher.shape), device=like.device))
    labels = None
    if labelled and teacher.conditional:
        drawn = torch.Generator().manual_seed(seed)
        labels = torch.randint(teacher.classes, (count,), generator=drawn).to(like.device)
    ends = []
    for begin in range(0, count, CHUNK):
        part = slice(begin, begin + CHUNK)
        denoiser = teacher.denoiser.given(None if labels is None else labels[part])
        ends.append(sample(denoiser, sampler, grid, whole[part] * grid.levels[0].sigma, noise).x)
    return whole, torch.cat(ends), labels
