"""Flow matching along conditional optimal-transport paths (Lipman et al. 2023), and with coupled batches."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.couplings import optimal
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.coupled import CoupledObjective
from tasvir.lab.diffusion.objectives.flow_matching import FlowMatchingObjective, Times
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.conditional_ot import ConditionalOtSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

STEPS = 20


class FlowMatchingMethod(Method):
    """Velocity of the conditional optimal-transport path; 20 Euler steps."""

    name: ClassVar[str] = "flow-matching"
    source: ClassVar[str] = "Lipman et al. 2023; thesis 4.3.1.6"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        sigma_min: float = 1e-4,
        times: Times = "uniform",
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            sigma_min: Width of the Gaussian around every example.
            times: uniform or logit-normal, in training.
            options: Of `network_for`.
        """
        schedule = ConditionalOtSchedule(sigma_min)
        return flowing(data, network, schedule, FlowMatchingObjective(times), **options)


class OtFlowMatchingMethod(Method):
    """Flow matching with noise and data paired by optimal transport within every batch; 20 Euler steps."""

    name: ClassVar[str] = "ot-flow-matching"
    source: ClassVar[str] = "Pooladian et al. 2023; Tong et al. 2024; thesis 4.3.1.6"

    def model(self, data: Data, network: nn.Module | None = None, **options: Any) -> GaussianModel:
        """See `Method.model`; needs scipy. Classes are paired without regard to what they are."""
        return flowing(data, network, StraightSchedule(), CoupledObjective(optimal), **options)


def flowing(
    data: Data,
    network: nn.Module | None,
    schedule: Schedule,
    objective: Objective,
    *,
    steps: int = STEPS,
    **options: Any,
) -> GaussianModel:
    """A model that tells the velocity of a schedule, walked by Euler's method in equal steps of time."""
    made = network_for(data, **options) if network is None else network
    denoiser = NetworkDenoiser(made, schedule, PlainPreconditioning("velocity"))
    drawing = Drawing(DdimSampler(), steps, "time", schedule.first, to_data=False)
    return GaussianModel(data, denoiser, objective, drawing)
