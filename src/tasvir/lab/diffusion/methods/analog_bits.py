"""Analog bits: tokens as bits, bits as real numbers, with self-conditioning (Chen, Zhang and Hinton 2023)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.discrete.analog_bits import AnalogBitsModel, width
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.networks.choice import vocabulary
from tasvir.lab.diffusion.networks.mlp import MlpNetwork
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule


class AnalogBitsMethod(Method):
    """A perceptron tells the bits; signs are read as tokens."""

    name: ClassVar[str] = "analog-bits"
    source: ClassVar[str] = "Chen, Zhang and Hinton 2023; thesis 4.3.1.7"
    kinds: ClassVar[tuple[Kind, ...]] = ("tokens",)
    no_bound: ClassVar[str | None] = "its density is of real numbers, which no bound ties to tokens"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        sample_steps: int = 50,
        later: float = 0.0,
        **options: Any,
    ) -> AnalogBitsModel:
        """See `Method.model`.

        Args:
            data: Tokens.
            network: None = one made with ``options``.
            sample_steps: Of a sample, when none are asked for.
            later: How much later than its x the network is asked, as a share of all time.
            options: Of the network: width and depth.
        """
        values, length = vocabulary(data), data.shape[0]
        made = network or MlpNetwork((2, length * width(values)), **{"width": 256, **options})
        return AnalogBitsModel(made, CosineSchedule(), values, length, sample_steps, later)
