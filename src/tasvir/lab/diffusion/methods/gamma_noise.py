"""Gamma noise: increments that are gamma-distributed, so that their sums are too (Nachmani et al. 2021)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

from torch import nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.other_noise import OtherNoiseModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.noises import GammaNoise
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

Reverse = Literal["bridge", "ancestral", "ddim"]


class GammaNoiseMethod(Method):
    """eps by the simple loss; steps back by the gamma process' bridge, or as published.

    The published ancestral step draws gamma noise anew, so that x_s is a sum of gammas of different scales;
    the bridge draws from q(x_s | x_t, x_0) itself. DDIM moves Gaussian noise rightly, this one only nearly.
    """

    name: ClassVar[str] = "gamma-noise"
    source: ClassVar[str] = "Nachmani, San Roman and Wolf 2021; thesis 4.3.1.1"
    no_bound: ClassVar[str | None] = "its steps back from a guess of x_0 have no density that is worked out"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        scale: float = 0.001,
        reverse: Reverse = "bridge",
        **options: Any,
    ) -> OtherNoiseModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            scale: theta, of the jumps; 0.1 is plainly skewed.
            reverse: bridge, ancestral (the published one) or ddim.
            options: Of `network_for`.
        """
        if reverse not in get_args(Reverse):
            raise SettingError(f"reverse {reverse!r}: known are {', '.join(get_args(Reverse))}")
        law = GammaNoise(scale)
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            LinearSchedule(),
            PlainPreconditioning("eps"),
        )
        back = {"bridge": law.bridge, "ancestral": law.ancestral, "ddim": None}[reverse]
        return OtherNoiseModel(data, denoiser, law, back, 200)
