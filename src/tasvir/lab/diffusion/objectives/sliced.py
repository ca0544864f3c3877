"""Sliced score matching: the score without any target, by random projections (Song et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.noising import guess, noised
from tasvir.lab.diffusion.objectives.score_matching import drawn_levels


class SlicedObjective(Objective):
    """1 / L sum_i sigma_i^2 E [v^T grad(v^T s) + |s|^2 / 2] / D, v of random signs (thesis 4.2.2, SSM-VR).

    It is denoising score matching less a constant, E |eps|^2 / 2: the gradients are the same in expectation,
    at some four times the cost. It never sees the noise of an example, only noisy data.

    Args:
        levels: L, as in `ScoreMatchingObjective`.
        slices: Projections an example.

    Raises:
        SettingError: Fewer than two levels, or no slice.
    """

    def __init__(self, levels: int = 50, slices: int = 1) -> None:
        if levels < 2 or slices < 1:
            raise SettingError(f"{levels} levels and {slices} slices: give 2 and 1 or more")
        self.levels, self.slices = levels, slices

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`; it needs gradients of x even where the network's are not kept."""
        times = drawn_levels(denoiser.schedule, self.levels, len(data), generator, data.device)
        with torch.enable_grad():
            given = noised(denoiser.schedule, data, times, generator)
            x = given.x.requires_grad_()
            score = guess(denoiser, given, labels, "score")
            curvature = torch.zeros(len(x), dtype=x.dtype, device=x.device)
            for _ in range(self.slices):
                signs = torch.randint(0, 2, x.shape, generator=generator, device=x.device).to(x) * 2 - 1
                (turned,) = torch.autograd.grad((score * signs).sum(), x, create_graph=True)
                curvature = curvature + (turned * signs).flatten(1).mean(1) / self.slices
            return (curvature + 0.5 * score.square().flatten(1).mean(1)) * (given.sigma**2).to(x)
