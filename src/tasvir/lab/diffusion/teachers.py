"""Models that teach others: what they must have, and what is said where there is none."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.flow import Guess, guess_of
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.pupil import Pupil

SLACK = 1e-6
"""Of two noise levels that are meant to be one."""


def teacher_of(model: Model) -> GaussianModel:
    """A model as a teacher, which is trained no more.

    Raises:
        SettingError: It has no denoiser to learn from, or one of noise that is not Gaussian.
    """
    if not isinstance(model, GaussianModel):
        raise SettingError(f"{type(model).__name__} cannot teach: take a model with a denoiser")
    if not model.gaussian:
        raise SettingError(
            "the teacher's noise is not Gaussian, and its students' is: take a model of Gaussian noise"
        )
    model.network.eval().requires_grad_(False)
    return model


def guide_of(teacher: GaussianModel, least: float, most: float) -> Guess:
    """The teacher's guess of x0 out of x_0 + r eps, for students that ask from r = least to most.

    Raises:
        SettingError: The teacher's schedule does not go so far; its time would be cut to its ends, unseen.
    """
    schedule = teacher.schedule
    low, high = (schedule.level(time).ratio for time in (schedule.first, schedule.last))
    if least < low * (1 - SLACK) or most > high * (1 + SLACK):
        raise SettingError(
            f"the teacher knows noise (sigma / alpha) of {low:.4g} to {high:.4g}, and the student would ask "
            f"from {least:g} to {most:g}: set sigma_min and sigma_max within what the teacher knows"
        )
    return guess_of(teacher.denoiser)


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
