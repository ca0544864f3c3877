"""Masked diffusion: tokens are hidden and filled in, in continuous time (Sahoo et al. 2024)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.discrete.masked import MaskedModel
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.networks.choice import token_network_for, vocabulary


class MaskedMethod(Method):
    """The absorbing chain in the limit of endless steps; sampled in as many as one likes."""

    name: ClassVar[str] = "masked"
    source: ClassVar[str] = "Austin et al. 2021, Sahoo et al. 2024; thesis 4.3.1.7"
    kinds: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def model(
        self, data: Data, network: nn.Module | None = None, *, sample_steps: int = 64, **options: Any
    ) -> MaskedModel:
        """See `Method.model`.

        Args:
            data: Tokens.
            network: None = one made with ``options``.
            sample_steps: Of a sample, when none are asked for.
            options: Of the network: width, depth, heads.
        """
        values = vocabulary(data)
        return MaskedModel(
            token_network_for(data, network, values + 1, options), values, data.shape[0], sample_steps
        )
