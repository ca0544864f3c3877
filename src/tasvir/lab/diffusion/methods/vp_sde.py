"""The variance-preserving SDE: DDPM's chain in continuous time (Song et al. 2021; thesis 4.2.3)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import by_flow
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.likelihood import LikelihoodObjective
from tasvir.lab.diffusion.objectives.simple import SimpleObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.euler_maruyama import EulerMaruyamaSampler
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

SMALLEST, END = 1e-5, 1e-3
"""Least times of training and of sampling (Song et al. 2021, appendix C)."""


class VpSdeMethod(Method):
    """Scores by denoising score matching (thesis 4.30) with weight sigma^2, or g^2 for likelihood (4.35)."""

    name: ClassVar[str] = "vp-sde"
    source: ClassVar[str] = "Song et al. 2021; thesis 4.2.3, 4.25"
    schedule: ClassVar[type[LinearSchedule]] = LinearSchedule

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        beta_min: float = 0.1,
        beta_max: float = 20.0,
        likelihood: bool = False,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            beta_min: Rate at t = 0.
            beta_max: Rate at t = 1.
            likelihood: Whether errors weigh as in the bound of the likelihood, times drawn by importance.
            options: Of `network_for`.
        """
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            self.schedule(beta_min, beta_max),
            PlainPreconditioning("eps"),
        )
        objective: Objective = (
            LikelihoodObjective(smallest=SMALLEST) if likelihood else SimpleObjective(smallest=SMALLEST)
        )
        drawing = Drawing(EulerMaruyamaSampler(), 250, end=END)
        return GaussianModel(data, denoiser, objective, drawing, by_flow(SMALLEST))
