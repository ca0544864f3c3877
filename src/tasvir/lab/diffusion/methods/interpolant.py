"""Stochastic interpolants from noise to data (Albergo and Vanden-Eijnden 2023; Albergo et al. 2023)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.flow_matching import FlowMatchingObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.interpolant_sde import InterpolantSdeSampler
from tasvir.lab.diffusion.schedules.interpolant import InterpolantSchedule, Way


class InterpolantMethod(Method):
    """A way from noise to data, straight or round, with noise on it or none; one SDE or ODE for all.

    The network tells v = alpha eps - sigma x_0, which is bounded where the velocity of a noisy way is not;
    velocity and score both follow from it.
    """

    name: ClassVar[str] = "interpolant"
    source: ClassVar[str] = "Albergo and Vanden-Eijnden 2023; thesis 4.3.1.6"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        way: Way = "trigonometric",
        latent: float = 0.0,
        level: float = 0.0,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            way: linear or trigonometric.
            latent: Noise on the way, see `InterpolantSchedule`.
            level: Noise of the sampling walk, see `InterpolantSdeSampler`; 0 = the flow.
            options: Of `network_for`.
        """
        schedule = InterpolantSchedule(way, latent)
        made = network_for(data, **options) if network is None else network
        denoiser = NetworkDenoiser(made, schedule, PlainPreconditioning("v"))
        drawing = Drawing(InterpolantSdeSampler(level), 50, "time", 1e-3)
        return GaussianModel(data, denoiser, FlowMatchingObjective(), drawing)
