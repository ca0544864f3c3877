"""The variance-exploding SDE: NCSN's levels in continuous time (Song et al. 2021; thesis 4.26)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import by_flow
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.simple import SimpleObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.predictor_corrector import PredictorCorrectorSampler
from tasvir.lab.diffusion.schedules.ve import VeSchedule


class VeSdeMethod(Method):
    """Scores by denoising score matching (thesis 4.30); predictor-corrector sampling (table 4.3)."""

    name: ClassVar[str] = "ve-sde"
    source: ClassVar[str] = "Song et al. 2021; thesis 4.2.3, 4.26"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        sigma_min: float = 0.01,
        sigma_max: float | None = None,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            sigma_min: Noise at t = 0.
            sigma_max: Noise at t = 1; None = `widest`.
            options: Of `network_for`.
        """
        schedule = VeSchedule(sigma_min, widest(data) if sigma_max is None else sigma_max)
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            schedule,
            PlainPreconditioning("eps", data.deviation),
        )
        drawing = Drawing(PredictorCorrectorSampler(), 150, end=0.0, to_data=False)
        return GaussianModel(data, denoiser, SimpleObjective(smallest=0.0), drawing, by_flow(0.0))


def widest(data: Data) -> float:
    """Noise that drowns the data: the distance of two examples, sqrt(2 D) deviations (Song and Ermon 2020).

    At least 20 deviations, where N(0, sigma^2) is off by a quarter of a percent in variance.
    """
    return data.deviation * max(20.0, math.sqrt(2 * math.prod(data.shape)))
