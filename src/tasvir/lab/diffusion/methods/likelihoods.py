"""How models tell likelihoods: by the probability flow, by the bound of a chain, in continuous time."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.lab.diffusion.bits import of_levels
from tasvir.lab.diffusion.bounds import chain_bound
from tasvir.lab.diffusion.continuous_bounds import continuous_bound
from tasvir.lab.diffusion.likelihood import Hutchinson, log_likelihood
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.methods.gaussian import GaussianModel, Likelihood
from tasvir.lab.diffusion.variances import Variance

EXACT_UP_TO = 16
"""Numbers an example: up to here the trace is exact, beyond it is estimated by `PROBES` probes."""
PROBES = 2
POINTS, PICTURES = 1e-6, 1e-3
"""Tolerances of the solver."""


def by_flow(end: float) -> Likelihood:
    """The probability flow's likelihood (thesis 4.39); of pictures, the bound that levels make of it.

    Args:
        end: Least time at which the network is asked: smaller than sampling needs, as noise that is left is
            likelihood lost.
    """

    def likelihood(model: GaussianModel, data: Tensor, seed: int) -> Bound:
        small = data[0].numel() <= EXACT_UP_TO
        tolerance = POINTS if small else PICTURES

        def density(given: Tensor) -> Bound:
            return log_likelihood(
                model.denoiser,
                given,
                end=end,
                trace=None if small else Hutchinson(PROBES, seed=seed),
                rtol=tolerance,
                atol=tolerance,
            )

        if model.levels is None:
            return density(data)
        return of_levels(density, data, model.levels, torch.Generator().manual_seed(seed))

    return likelihood


def by_chain(chain: int, variance: Variance) -> Likelihood:
    """The bound of the whole chain (thesis 4.7).

    Args:
        chain: Its steps.
        variance: Of the reverse steps.
    """

    def bound(model: GaussianModel, data: Tensor, seed: int) -> Bound:
        grid = model.path(chain, "time")
        return chain_bound(
            model.denoiser, data, grid, variance=variance, levels=model.levels, draws=2, seed=seed
        )

    return bound


def in_continuous_time(model: GaussianModel, data: Tensor, seed: int) -> Bound:
    """VDM's bound (thesis 4.33, 4.34)."""
    return continuous_bound(model.denoiser, data, end=model.drawing.end, levels=model.levels, seed=seed)
