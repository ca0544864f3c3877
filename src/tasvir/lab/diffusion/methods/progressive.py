"""Progressive distillation (Salimans and Ho 2022; thesis 4.3.2.5): 32 steps, 16, 8, 4, 2, 1, one training."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.progressive import Halving, ProgressiveObjective, Weight
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.preconditioning import EdmPreconditioning
from tasvir.lab.diffusion.pupil import Pupil, pupil_of
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.teachers import Untaught, begin_as, guide_of, teacher_of


class ProgressiveModel(GaussianModel):
    """A student of the steps that it was taught last; more are those of earlier rounds, half forgotten."""

    halving: Halving

    @property
    def taught(self) -> int:
        """How many steps it was taught last."""
        return self.halving.steps(max(0, int(pupil_of(self.denoiser).steps) - 1))

    def path(self, steps: int | None = None, spacing: str | None = None) -> Path:
        """The student's grid of so many steps; None = those that it was taught last.

        Raises:
            SettingError: It has none of so many steps, or another spacing is asked for.
        """
        count = self.taught if steps is None else steps
        known = [self.halving.begin >> one for one in range(self.halving.rounds + 1)]
        if count not in known or spacing not in (None, "karras"):
            raise SettingError(f"{count} steps: this student has grids of its own, of {known} steps")
        levels = self.halving.levels(self.schedule)[:: self.halving.begin // count]
        return Path(tuple(self.schedule.level(float(level)) for level in levels))


class ProgressiveDistillationMethod(Method):
    """DDIM steps halved round by round, each student the teacher of the next; 32 steps become 1."""

    name: ClassVar[str] = "progressive-distillation"
    source: ClassVar[str] = "Salimans and Ho 2022; thesis 4.3.2.5"
    no_bound: ClassVar[str | None] = "a student of few steps stands for those steps, not for a flow"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        teacher: Model | None = None,
        fresh: bool = False,
        begin: int = 32,
        end: int = 1,
        every: int = 1000,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        weight: Weight = "truncated-snr",
        **options: Any,
    ) -> ProgressiveModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            teacher: A model with a denoiser; without one the model can be sampled but not trained.
            fresh: Begin with random weights, not with the teacher's.
            begin: DDIM steps of the teacher.
            end: Steps of the last student.
            every: Training steps until they halve; the last student learns for the rest of the training.
            sigma_min: Least noise that is asked at.
            sigma_max: Where sampling starts.
            weight: truncated-snr or snr+1; see `ProgressiveObjective`.
            options: Of `network_for`.
        """
        schedule, plan = KarrasSchedule(sigma_max), Halving(begin, end, every, sigma_min)
        pupil = Pupil(network_for(data, **options) if network is None else network, copied=True)
        objective: Objective = Untaught(self.name)
        if teacher is not None:
            guide = guide_of(teacher_of(teacher), sigma_min, sigma_max)
            objective = ProgressiveObjective(guide, schedule, plan, weight)
            if not fresh:
                begin_as(pupil, teacher_of(teacher).network)
        denoiser = NetworkDenoiser(pupil, schedule, EdmPreconditioning(data.deviation))
        model = ProgressiveModel(data, denoiser, objective, Drawing(DdimSampler(), end, "karras", sigma_min))
        model.halving = plan
        return model
