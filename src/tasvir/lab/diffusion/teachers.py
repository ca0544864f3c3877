"""Models that teach others: what they must have, and what is said where there is none."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.pupil import Pupil


def teacher_of(model: Model) -> GaussianModel:
    """A model as a teacher, which is trained no more.

    Raises:
        SettingError: It has no denoiser to learn from.
    """
    if not isinstance(model, GaussianModel):
        raise SettingError(f"{type(model).__name__} cannot teach: take a model with a denoiser")
    model.network.eval().requires_grad_(False)
    return model


def begin_as(student: nn.Module, teacher: nn.Module) -> None:
    """Give a student its teacher's weights; of a `Pupil`, on either side, it is the network within.

    Raises:
        SettingError: The teacher is a network of another kind or size.
    """
    own, source = (one.network if isinstance(one, Pupil) else one for one in (student, teacher))
    try:
        own.load_state_dict(source.state_dict())
    except RuntimeError:
        raise SettingError(
            "the teacher is a network of another kind or size than the student: give the student the "
            "teacher's network options, or set fresh=true"
        ) from None


class Untaught(Objective):
    """Stands where a student was opened without its teacher: it can be sampled, and not trained."""

    def __init__(self, method: str) -> None:
        self.method = method

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`.

        Raises:
            SettingError: Always.
        """
        raise SettingError(f"{self.method} learns from a trained model: name its run with --teacher RUN")
