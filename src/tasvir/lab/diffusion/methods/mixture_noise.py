"""Noise that is a mixture of two Gaussians (Nachmani, San Roman and Wolf 2021)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

from torch import nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.other_noise import OtherNoiseModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.noises import MixtureNoise
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

Reverse = Literal["ddim", "ancestral"]


class MixtureNoiseMethod(Method):
    """eps by the simple loss, back by DDIM, whose limit is exact here, or by ancestral steps."""

    name: ClassVar[str] = "mixture-noise"
    source: ClassVar[str] = "Nachmani, San Roman and Wolf 2021; thesis 4.3.1.1"
    no_bound: ClassVar[str | None] = "only N(0, I) is built in as the law that a flow ends in"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        distance: float = 0.8,
        share: float = 0.5,
        reverse: Reverse = "ddim",
        **options: Any,
    ) -> OtherNoiseModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            distance: Of `MixtureNoise`.
            share: Of `MixtureNoise`.
            reverse: ddim or ancestral (fresh noise of this law at every step, which is not exact).
            options: Of `network_for`.
        """
        if reverse not in get_args(Reverse):
            raise SettingError(f"reverse {reverse!r}: known are {', '.join(get_args(Reverse))}")
        law = MixtureNoise(distance, share)
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            LinearSchedule(),
            PlainPreconditioning("eps"),
        )
        return OtherNoiseModel(data, denoiser, law, law.ancestral if reverse == "ancestral" else None, 100)
