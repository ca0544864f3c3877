"""Models that teach others: what they must have, and what is said where there is none."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective


def teaching(model: Model) -> NetworkDenoiser:
    """The denoiser of a teacher, which is trained no more.

    Raises:
        SettingError: That model has none.
    """
    if not isinstance(model, GaussianModel):
        raise SettingError(f"{type(model).__name__} cannot teach: take a model with a denoiser")
    model.network.eval().requires_grad_(False)
    return model.denoiser


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
