"""DDPM: a chain of small Gaussian steps whose noise a network tells (Ho et al. 2020; thesis 4.2.1)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from tasvir.errors import UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.likelihoods import by_chain
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.simple import SimpleObjective, Weight
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.schedules.sigmoid import SigmoidSchedule
from tasvir.lab.diffusion.schedules.table import LARGEST, TableSchedule, betas, linear_betas
from tasvir.lab.diffusion.variances import beta


class DdpmMethod(Method):
    """eps by L_simple (thesis 4.14) over a chain of discrete steps."""

    name: ClassVar[str] = "ddpm"
    source: ClassVar[str] = "Ho, Jain and Abbeel 2020; thesis 4.2.1"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        chain: int = 1000,
        schedule: str = "linear",
        prediction: Prediction = "eps",
        weight: Weight = "one",
        gamma: float | None = None,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            chain: Steps of the chain that is learned.
            schedule: linear (betas rise from 0.1 / chain to 20 / chain), cosine (thesis 4.32) or sigmoid.
            prediction: What the network tells: eps, x0 or v.
            weight: Of `SimpleObjective`.
            gamma: Of the weight.
            options: Of `network_for`.
        """
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            TableSchedule(_betas(schedule, chain)),
            PlainPreconditioning(prediction),
        )
        objective = SimpleObjective(chain, weight, gamma)
        drawing = Drawing(AncestralSampler(), 200, end=1.0)
        return GaussianModel(data, denoiser, objective, drawing, by_chain(chain, beta))


def _betas(name: str, chain: int) -> Tensor:
    """The betas of a chain, [chain].

    Raises:
        UnknownNameError: No such schedule.
    """
    if name == "linear":
        return linear_betas(chain, 0.1 / chain, 20 / chain).clamp(max=LARGEST)
    smooth: dict[str, type[Schedule]] = {"cosine": CosineSchedule, "sigmoid": SigmoidSchedule}
    if name not in smooth:
        raise UnknownNameError(f"ddpm has no schedule {name!r}; known: linear, {', '.join(smooth)}")
    return betas(smooth[name](), chain)
