"""Consistency models: one network call from noise to data, and more where they pay (Song et al. 2023).

Distilled, they follow the flow of a trained model; trained without one, that of the data. Section 4.3.2.5 of
the thesis has both; the defaults are those of the improved techniques of Song and Dhariwal (2023).
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.consistency import (
    SOFTNESS,
    ConsistencyObjective,
    ConsistencyPreconditioning,
    Curriculum,
    Draw,
)
from tasvir.lab.diffusion.pupil import Pupil
from tasvir.lab.diffusion.samplers.consistency import ConsistencySampler
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.teachers import Untaught, begin_as, guide_of, teacher_of

NO_BOUND = "a consistency model jumps along the flow and does not tell its divergence"


class ConsistencyDistillationMethod(Method):
    """A map from any noise level to the end of a teacher's flow; 1 step unless more are asked for."""

    name: ClassVar[str] = "consistency-distillation"
    source: ClassVar[str] = "Song et al. 2023; thesis 4.3.2.5"
    no_bound: ClassVar[str | None] = NO_BOUND

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        teacher: Model | None = None,
        fresh: bool = False,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        first: int = 18,
        last: int = 18,
        doubling: int = 1000,
        draw: Draw = "uniform",
        weight: float = 1.0,
        softness: float = 0.03,
        decay: float = 0.0,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            teacher: A model with a denoiser; without one the model can be sampled but not trained.
            fresh: Begin with random weights, not with the teacher's.
            sigma_min: Noise level where paths end.
            sigma_max: Where sampling starts.
            first: Intervals of noise levels at first.
            last: Intervals in the end.
            doubling: Steps until intervals double.
            draw: lognormal or uniform; see `Curriculum`.
            weight: Power of an interval's length, see `ConsistencyObjective`.
            softness: Of the pseudo-Huber distance; 0 = squared.
            decay: Of the copy that targets come from.
            options: Of `network_for`.
        """
        curriculum = Curriculum(sigma_min, sigma_max, first, last, doubling, draw)
        objective: Objective = Untaught(self.name)
        if teacher is not None:
            guide = guide_of(teacher_of(teacher), sigma_min, sigma_max)
            objective = ConsistencyObjective(curriculum, guide, softness, decay, weight)
        pupil = Pupil(network_for(data, **options) if network is None else network, decay > 0)
        if teacher is not None and not fresh:
            begin_as(pupil, teacher_of(teacher).network)
        return _bound(data, pupil, curriculum, objective)


class ConsistencyTrainingMethod(Method):
    """A map from any noise level to the end of the data's own flow, learned without a teacher."""

    name: ClassVar[str] = "consistency-training"
    source: ClassVar[str] = "Song and Dhariwal 2023; Song et al. 2023; thesis 4.3.2.5"
    no_bound: ClassVar[str | None] = NO_BOUND

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        first: int = 10,
        last: int = 160,
        doubling: int = 1000,
        draw: Draw = "lognormal",
        weight: float = 1.0,
        softness: float = SOFTNESS,
        decay: float = 0.0,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`; arguments as for `ConsistencyDistillationMethod`, without a teacher."""
        curriculum = Curriculum(sigma_min, sigma_max, first, last, doubling, draw)
        objective = ConsistencyObjective(curriculum, None, softness, decay, weight)
        pupil = Pupil(network_for(data, **options) if network is None else network, decay > 0)
        return _bound(data, pupil, curriculum, objective)


def _bound(data: Data, pupil: Pupil, curriculum: Curriculum, objective: Objective) -> GaussianModel:
    denoiser = NetworkDenoiser(
        pupil,
        KarrasSchedule(curriculum.most),
        ConsistencyPreconditioning(data.deviation, curriculum.least),
    )
    drawing = Drawing(ConsistencySampler(), 1, "karras", curriculum.least, to_data=False)
    return GaussianModel(data, denoiser, objective, drawing)
