"""What an expert rule is: posteriors of modalities and their weights in, one joint posterior out.

Weights are shares: not negative, they sum to 1 over the modalities that are there. Equal shares are the
classical rule. A modality that is missing has no share; where none is there, the joint posterior is the
prior N(0, I).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture


class Expert(ABC):
    """A rule. One file each; a line in ``tasvir.lab.experts`` makes it known."""

    name: ClassVar[str]
    source: ClassVar[str]
    """Who proposed it: authors, year, and the thesis' equation."""

    @abstractmethod
    def join(self, experts: Gaussian, shares: Tensor) -> Mixture:
        """The joint posterior.

        Args:
            experts: q(z | x_m), [M, ..., B, D].
            shares: [M, ..., B], as `shares_of` makes them; 0 = the modality is missing.
        """

    def divergence(self, joint: Mixture, experts: Gaussian, shares: Tensor) -> Tensor:
        """What the ELBO takes off, in nats, [..., B]: KL to the prior, or a bound from above.

        A rule that takes something else in its place says so.
        """
        return joint.kl_bound()


def shares_of(weights: Tensor, present: Tensor | None = None) -> Tensor:
    """Weights [M, ...] made shares: missing ones 0, the rest sums to 1 (0 where all are missing).

    Args:
        weights: Not negative.
        present: True where a modality is there; broadcasts against the weights.
    """
    seen = weights if present is None else weights * present
    total = seen.sum(0, keepdim=True)
    return torch.where(
        total > 0, seen / total.where(total > 0, torch.ones_like(total)), torch.zeros_like(seen)
    )


def product(precisions: Tensor, means: Tensor) -> Gaussian:
    """The Gaussian of summed precisions (thesis 3.11-3.12); where they sum to nothing, the prior.

    Args:
        precisions: a_m T_m, [M, ..., D], not negative.
        means: [M, ..., D].
    """
    total = precisions.sum(0)
    known = total > 0
    safe = torch.where(known, total, torch.ones_like(total))
    return Gaussian((precisions * means).sum(0) / safe, -safe.log())


def mixed(components: Gaussian, weights: Tensor) -> Mixture:
    """The mixture; where no component has a weight, the prior.

    Args:
        components: [K, ..., B, D].
        weights: [K, ..., B], which sum to 1, or to 0 where every modality is missing.
    """
    nothing = weights.sum(0) <= 0
    if not bool(nothing.any()):
        return Mixture(components, weights)
    first = nothing & (torch.arange(len(weights)) == 0).to(nothing.device).view(-1, *(1,) * nothing.ndim)
    none = torch.zeros_like(components.mean)
    return Mixture(
        Gaussian(
            torch.where(first[..., None], none, components.mean),
            torch.where(first[..., None], none, components.log_variance),
        ),
        weights + first.to(weights),
    )


def alone(joint: Gaussian) -> Mixture:
    """A mixture of one."""
    return Mixture(
        Gaussian(joint.mean[None], joint.log_variance[None]), torch.ones_like(joint.mean[None, ..., 0])
    )
