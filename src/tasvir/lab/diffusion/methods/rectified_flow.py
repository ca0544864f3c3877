"""Rectified flow: straight paths from noise to data and their velocity (Liu et al. 2022; thesis 4.3.1.6)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import by_flow
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.flow_matching import FlowMatchingObjective, Times
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.euler import EulerSampler
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

END = 1e-3
"""Least time that the network is asked at."""


class RectifiedFlowMethod(Method):
    """eps - x_0 by least squares; Euler steps along the paths."""

    name: ClassVar[str] = "rectified-flow"
    source: ClassVar[str] = "Liu, Gong and Liu 2022; thesis 4.3.1.6"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        times: Times = "uniform",
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            times: uniform or logit-normal, in training.
            options: Of `network_for`.
        """
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            StraightSchedule(),
            PlainPreconditioning("velocity"),
        )
        drawing = Drawing(EulerSampler(), 50, end=END)
        return GaussianModel(data, denoiser, FlowMatchingObjective(times), drawing, by_flow(END))
