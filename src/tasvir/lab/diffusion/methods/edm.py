"""EDM: preconditioned denoising, levels where they pay, Heun's steps (Karras et al. 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import by_flow
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.edm import EdmObjective
from tasvir.lab.diffusion.preconditioning import EdmPreconditioning
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule


class EdmMethod(Method):
    """x0 through EDM's preconditioning at log-normal noise levels; 18 steps of Heun, 35 evaluations."""

    name: ClassVar[str] = "edm"
    source: ClassVar[str] = "Karras et al. 2022; thesis 4.3.2.2"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        mean: float = -1.2,
        deviation: float = 1.2,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            sigma_min: Least noise that is asked at.
            sigma_max: Where sampling starts.
            mean: Of log sigma in training.
            deviation: Of log sigma in training.
            options: Of `network_for`.
        """
        spread = data.deviation
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            KarrasSchedule(sigma_max),
            EdmPreconditioning(spread),
        )
        drawing = Drawing(HeunSampler(), 18, "karras", sigma_min)
        return GaussianModel(
            data, denoiser, EdmObjective(spread, mean, deviation), drawing, by_flow(sigma_min)
        )
