"""Variational diffusion models: network and noise schedule trained by the bound (Kingma et al. 2021)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import in_continuous_time
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.networks.scheduled import ScheduledNetwork
from tasvir.lab.diffusion.objectives.vdm import VdmObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.schedules.learned import LearnedSchedule


class VdmMethod(Method):
    """eps and a monotone log-SNR by the bound in continuous time (thesis 4.33, 4.34).

    The paper's Fourier features of x, which serve the last hundredths of a bit, are left out.
    """

    name: ClassVar[str] = "vdm"
    source: ClassVar[str] = "Kingma et al. 2021; thesis 4.3.1.2"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        gamma_min: float = -13.3,
        gamma_max: float = 5.0,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            gamma_min: -log SNR of the data's end at first.
            gamma_max: That of noise.
            options: Of `network_for`.
        """
        schedule = LearnedSchedule(gamma_min, gamma_max)
        inner = network_for(data, **options) if network is None else network
        denoiser = NetworkDenoiser(ScheduledNetwork(inner, schedule), schedule, PlainPreconditioning("eps"))
        drawing = Drawing(AncestralSampler(), 100, end=0.0, to_data=False)
        return GaussianModel(data, denoiser, VdmObjective(data.levels), drawing, in_continuous_time)
