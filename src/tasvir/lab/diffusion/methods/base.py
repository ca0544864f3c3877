"""What a method is: a kind of diffusion model, bound to data and a network when it is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled


@dataclass(frozen=True)
class Bound:
    """What a model says of the likelihood of examples, in nats.

    Args:
        nats: [N] log-likelihood or a lower bound of it, of data in the units of `Data`.
        exact: Whether it is the model's likelihood (up to the solver) or a bound.
        error: [N] standard errors of estimates by drawing, None where nothing is drawn.
        bits_per_dimension: Mean over examples, None where the data's levels are not known.
    """

    nats: Tensor
    exact: bool
    error: Tensor | None = None
    bits_per_dimension: float | None = None


class Model(ABC):
    """A method bound to data and a network: it can be trained and sampled."""

    network: nn.Module

    @abstractmethod
    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """Losses of a batch in the units of `Data`: [B], with gradients to the network."""

    @abstractmethod
    def sample(
        self,
        n: int,
        seed: int,
        *,
        sampler: Sampler | None = None,
        steps: int | None = None,
        labels: Tensor | None = None,
    ) -> Sampled:
        """n samples in the units of `Data`; None = the method's own sampler and steps.

        A sampler comes made: who knows names (``registry.create("lab.samplers", ...)``) stands above the lab.

        Raises:
            SettingError: This model has no choice of samplers, or cannot do so many steps.
        """

    def bound(self, data: Tensor, seed: int) -> Bound | None:
        """Log-likelihood or a bound of it; None where the method has none (`Method.no_bound` says why)."""
        return None


class Method(ABC):
    """A kind of diffusion model. One file each; a line in ``tasvir.lab.methods`` makes it known."""

    name: ClassVar[str]
    source: ClassVar[str]
    """Who proposed it: authors, year, and the thesis' section."""
    kinds: ClassVar[tuple[Kind, ...]] = ("points", "images")
    """What data it takes."""
    no_bound: ClassVar[str | None] = None
    """Why it has no likelihood, None where it has one."""

    @abstractmethod
    def model(self, data: Data, network: nn.Module | None = None, **options: Any) -> Model:
        """Bind to data; None = the small network that suits them.

        Raises:
            SettingError: It does not take such data.
        """
