"""D3PM: diffusion over tokens by a chain of transition matrices (Austin et al. 2021)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.discrete.chain import ChainModel
from tasvir.lab.diffusion.discrete.kernels import kernel_of
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.networks.choice import token_network_for, vocabulary


class D3pmMethod(Method):
    """Tokens by the kernel of one's choice; the bound beside a cross-entropy of x_0."""

    name: ClassVar[str] = "d3pm"
    source: ClassVar[str] = "Austin et al. 2021; thesis 4.3.1.7"
    kinds: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        kernel: str = "absorbing",
        chain: int = 100,
        auxiliary: float = 0.01,
        **options: Any,
    ) -> ChainModel:
        """See `Method.model`.

        Args:
            data: Tokens.
            network: None = one made with ``options``.
            kernel: uniform, absorbing or gaussian (for values that have an order).
            chain: T, steps of the chain.
            auxiliary: Weight of the cross-entropy of x_0.
            options: Of the network: width, depth, heads.
        """
        matrices = kernel_of(kernel, vocabulary(data), chain)
        return ChainModel(
            token_network_for(data, network, matrices.states, options), matrices, data.shape[0], auxiliary
        )
