"""Multinomial diffusion: tokens become any other token, by the bound alone (Hoogeboom et al. 2021)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.discrete.chain import ChainModel
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.d3pm import D3pmMethod


class MultinomialMethod(Method):
    """D3PM's uniform kernel with cosine rates and without the cross-entropy."""

    name: ClassVar[str] = "multinomial"
    source: ClassVar[str] = "Hoogeboom et al. 2021; thesis 4.3.1.7"
    kinds: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def model(
        self, data: Data, network: nn.Module | None = None, *, chain: int = 100, **options: Any
    ) -> ChainModel:
        """See `Method.model`.

        Args:
            data: Tokens.
            network: None = one made with ``options``.
            chain: T, steps of the chain.
            options: Of the network: width, depth, heads.
        """
        return D3pmMethod().model(data, network, kernel="uniform", chain=chain, auxiliary=0.0, **options)
