"""Improved DDPM: the cosine schedule and learned reverse variances (Nichol and Dhariwal 2021; 4.31, 4.32)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import by_chain
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.networks.variance import VarianceNetwork
from tasvir.lab.diffusion.objectives.hybrid import HybridObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule, betas
from tasvir.lab.diffusion.variances import LearnedVariance


class IddpmMethod(Method):
    """eps by L_simple, variances between beta-tilde and beta by the bound; fewer steps than DDPM's."""

    name: ClassVar[str] = "iddpm"
    source: ClassVar[str] = "Nichol and Dhariwal 2021; thesis 4.31, 4.32"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        chain: int = 1000,
        bound_weight: float = 1e-3,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: One that tells twice what it is given; None = one made with ``options``.
            chain: Steps of the chain that is learned.
            bound_weight: Of the bound in the loss.
            options: Of `network_for`.
        """
        inner = network_for(data, outputs=2, **options) if network is None else network
        told = VarianceNetwork(inner)
        denoiser = NetworkDenoiser(
            told, TableSchedule(betas(CosineSchedule(), chain)), PlainPreconditioning("eps")
        )
        variance = LearnedVariance(told.last_fraction)
        objective = HybridObjective(chain, data.levels, bound_weight)
        drawing = Drawing(AncestralSampler(variance), 100, end=1.0)
        return GaussianModel(data, denoiser, objective, drawing, by_chain(chain, variance))
