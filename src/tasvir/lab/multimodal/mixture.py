"""Mixtures of Gaussians, what every expert rule makes of the encoders' posteriors; a product is one of one.

Drawing from a mixture costs one decoding for each component that is drawn. Three ways are named apart:
``sampled`` draws a component for each example; ``stratified`` deals the examples of a batch out to the
components in proportion to their weights, at least one each, and corrects for rounding; ``all`` draws from
each. A batch smaller than the components is not dealt out but drawn for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.gaussian import Gaussian

Assignment = Literal["stratified", "sampled", "all"]
ASSIGNMENTS: tuple[str, ...] = get_args(Assignment)


@dataclass(frozen=True)
class Draws:
    """Codes drawn from a mixture.

    Args:
        z: [C, ..., B, D], C = 1 unless every component is drawn from.
        share: [C, ..., B]; the sum over C of share * f(z), averaged over B, has the mixture's mean of f as
        its mean. component: [C, ..., B] int64, which one drew it.
    """

    z: Tensor
    share: Tensor
    component: Tensor


@dataclass(frozen=True)
class Mixture:
    """Sum over k of weight_k N(mean_k, variance_k).

    Args:
        components: [K, ..., B, D].
        weights: [K, ..., B], sums to 1 over K.
    """

    components: Gaussian
    weights: Tensor

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def mean(self) -> Tensor:
        """[..., B, D]."""
        return (self.weights[..., None] * self.components.mean).sum(0)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log-density in nats of z [..., B, D]: [..., B]."""
        some = self.weights > 0
        log_weights = torch.where(some, self.weights, 1.0).log()  # the slope of log at 0 would be no number
        return torch.logsumexp(log_weights.masked_fill(~some, -math.inf) + self.components.log_prob(z), 0)

    def kl_bound(self) -> Tensor:
        """Sum of weight * KL(component, N(0, I)), [..., B]: exact of one component, else from above."""
        return (self.weights * self.components.kl()).sum(0)

    def draw(self, noise: Tensor, uniform: Tensor, assignment: Assignment) -> Draws:
        """Codes of a batch.

        Args:
            noise: Standard normal, [K or 1, ..., B, D]; broadcast.
            uniform: Uniform in 0 to 1, [..., B]: which component (sampled) or in which order (stratified).
            assignment: See the module.

        Raises:
            SettingError: No such assignment.
        """
        if assignment not in ASSIGNMENTS:
            raise SettingError(f"assignment is {assignment!r}: give one of {', '.join(ASSIGNMENTS)}")
        count = len(self)
        if count == 1 or assignment == "all":
            index = torch.arange(count, device=noise.device)
            which = index.view(-1, *(1,) * (self.weights.ndim - 1)).expand_as(self.weights)
            return Draws(self.components.sample(noise), self.weights, which)
        dealt = assignment == "stratified" and uniform.shape[-1] >= count
        with torch.no_grad():
            which = self._dealt(uniform) if dealt else self._chosen(uniform)
        share = _of(self.weights, which)
        with torch.no_grad():
            often = torch.stack([(which == k).sum(-1, keepdim=True).expand_as(which) for k in range(count)])
            expected = which.shape[-1] / _of(often, which) if dealt else 1 / share
        told = Gaussian(_of(self.components.mean, which), _of(self.components.log_variance, which))
        return Draws(told.sample(noise[:1]), (share * expected)[None], which[None])

    def _chosen(self, uniform: Tensor) -> Tensor:
        """A component for each example by its weights, [..., B]."""
        edges = self.weights.cumsum(0)
        return (uniform * edges[-1] >= edges[:-1]).sum(0)  # rounding must not choose one of no weight

    def _dealt(self, uniform: Tensor) -> Tensor:
        """Components dealt out by the batch's mean weights, at least one example each: [..., B]."""
        size = uniform.shape[-1]
        shares = self.weights.expand(len(self), *uniform.shape).mean(-1)
        edges = _counts(shares, size).cumsum(0)[:-1]
        place = uniform.argsort(dim=-1, stable=True).argsort(-1)
        dealt: Tensor = (place >= edges[..., None]).sum(0)
        return dealt


def _counts(shares: Tensor, size: int) -> Tensor:
    """Whole numbers that sum to ``size`` in proportion to shares [K, ...], at least 1 where a share is not 0.

    The largest remainders are rounded up (Hamilton's method); what is short of 1 is taken from the largest,
    one after another. There must be as many examples as shares that are not 0.
    """
    exact = shares * size
    counts = exact.floor()
    short = size - counts.sum(0)
    order = (exact - counts).argsort(dim=0, descending=True, stable=True).argsort(0)
    counts = counts + (order < short)
    while bool((lacking := (shares > 0) & (counts == 0)).any()):
        given = lacking & (lacking.cumsum(0) == 1)
        largest = torch.nn.functional.one_hot(counts.argmax(0), len(shares)).movedim(-1, 0)
        counts = counts + given.to(counts) - largest * given.any(0)
    return counts


def _of(values: Tensor, which: Tensor) -> Tensor:
    """The chosen component's: values [K, ..., B(, D)] and which [..., B] -> [..., B(, D)]."""
    index = which[None] if values.ndim == which.ndim + 1 else which[None, ..., None]
    whole = values.expand(len(values), *torch.broadcast_shapes(values.shape[1:], index.shape[1:]))
    return whole.gather(0, index.expand(1, *whole.shape[1:]))[0]
