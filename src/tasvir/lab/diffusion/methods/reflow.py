"""Reflow: straighten a flow by learning from the pairs that it makes (rectified flow, Liu et al. 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.flow_matching import flowing
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.pairs import PairsObjective
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.teachers import Untaught, begin_as, teacher_of


class ReflowMethod(Method):
    """Velocity of the straight ways between noise and what a teacher makes of it; 4 Euler steps, or 1.

    The teacher may be a rectified flow, a reflow, or any other model of noise and data: its flow is a
    coupling, and straightening never raises the transport cost.
    """

    name: ClassVar[str] = "reflow"
    source: ClassVar[str] = "Liu et al. 2022; thesis 4.3.1.6 and figure 4.6"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        teacher: Model | None = None,
        fresh: bool = False,
        pairs: int = 10000,
        teacher_steps: int = 0,
        one_step: bool = False,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            teacher: Makes the pairs; without one the model can be sampled but not trained.
            fresh: Begin with random weights, not with the teacher's.
            pairs: How many.
            teacher_steps: Of the walk that makes them; 0 = the teacher's own.
            one_step: Distil into a single step instead (section 2.1, "k = 1").
            options: Of `network_for`.
        """
        objective: Objective = Untaught(self.name)
        if teacher is not None:
            objective = PairsObjective(teacher_of(teacher), pairs, teacher_steps or None, one_step)
        model = flowing(data, network, StraightSchedule(), objective, steps=1 if one_step else 4, **options)
        if teacher is not None and not fresh:
            begin_as(model.network, teacher_of(teacher).network)
        return model
