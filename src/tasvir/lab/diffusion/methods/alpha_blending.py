"""Iterative alpha-(de)blending: a flow between two densities, neither of which need be Gaussian."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.coupled import CoupledObjective
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.base import Noise
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

Base = Literal["gaussian", "uniform"]


def uniform(noise: Tensor) -> Tensor:
    """Uniform numbers of mean 0 and variance 1 out of normal ones: each goes where it is as likely."""
    found: Tensor = (2 * torch.special.ndtr(noise) - 1) * math.sqrt(3)
    return found


class BlendingModel(GaussianModel):
    """A model whose noise need not be Gaussian: the blend (1 - t) x_0 + t x_1 of data and that noise."""

    def begin(self, n: int, grid: Path, noise: Noise) -> Tensor:
        """See `GaussianModel.begin`."""
        drawn = super().begin(n, grid, noise)
        return drawn if self.gaussian else uniform(drawn)


class AlphaBlendingMethod(Method):
    """Blends of noise and data, deblended bit by bit: the mean of x_1 - x_0 given the blend; 20 steps.

    With Gaussian noise it is rectified flow before reflow, found by another way; it holds for any noise, of
    which "uniform" is built in. The paper's alpha is 1 - t.
    """

    name: ClassVar[str] = "alpha-blending"
    source: ClassVar[str] = "Heitz, Belcour and Chambon 2023; thesis 4.3.1.6"

    def model(
        self, data: Data, network: nn.Module | None = None, *, base: Base = "gaussian", **options: Any
    ) -> BlendingModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            base: gaussian or uniform: the noise, of mean 0 and variance 1.
            options: Of `network_for`.
        """
        if base not in get_args(Base):
            raise SettingError(f"base {base!r}: known are {', '.join(get_args(Base))}")
        made = network_for(data, **options) if network is None else network
        denoiser = NetworkDenoiser(made, StraightSchedule(), PlainPreconditioning("velocity"))
        objective = CoupledObjective(lambda noise, _: uniform(noise) if base == "uniform" else noise)
        model = BlendingModel(data, denoiser, objective, Drawing(DdimSampler(), 20, end=0.0, to_data=False))
        model.gaussian = base == "gaussian"
        return model
