"""Log-likelihoods of multimodal models by importance sampling, the joint posterior as proposal.

p(x) is the mean of p(x | z) p(z) / q(z | x) over z drawn from q (Burda et al. 2016), of a mixture with the
mixture's whole density. The logarithm of a mean of k weights is below log p(x) in expectation, by about half
its squared error, and rises with k. Where q is narrower than the posterior the weights may have no variance:
then errors are told too small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Noise

EXAMPLES = 250
"""Worked on together; another number is another draw."""


@dataclass(frozen=True)
class LikelihoodEstimate:
    """Log-likelihoods of S models and N examples.

    Args:
        nats: [S, N].
        error: Standard error of each by its k weights, [S, N].
        bias: How far its expectation is from the truth, to first order, [S, N].
    """

    nats: Tensor
    error: Tensor
    bias: Tensor

    @property
    def mean(self) -> Tensor:
        """Over examples, [S]."""
        return self.nats.mean(-1)

    @property
    def mean_error(self) -> Tensor:
        """Standard error of `mean` for all examples there might be, the weights' error included, [S]."""
        return self.nats.std(-1) / math.sqrt(self.nats.shape[-1])


@torch.no_grad()
def log_likelihood(
    model: StackedVAE,
    x: Sequence[Tensor],
    noise: Noise,
    *,
    samples: int = 1000,
    of: Sequence[int] | None = None,
) -> LikelihoodEstimate:
    """log p(x_m of a set of modalities), without the objective's scales.

    Args:
        model: S models.
        x: [S or 1, N, d_m] a modality; of those outside the set any finite numbers.
        noise: Draws.
        samples: k, codes an example; 2 or more.
        of: The set; None = all.

    Raises:
        SettingError: Fewer than 2 samples, or no such modality.
    """
    chosen = tuple(range(len(model.modalities))) if of is None else tuple(of)
    if samples < 2:
        raise SettingError(f"samples is {samples}: give 2 or more, of one the error is not known")
    if not chosen or not set(chosen) <= set(range(len(model.modalities))):
        raise SettingError(f"modalities {chosen}: give some of 0 to {len(model.modalities) - 1}")
    parts: list[tuple[Tensor, Tensor]] = []
    for start in range(0, x[0].shape[1], EXAMPLES):
        few = [one[:, start : start + EXAMPLES].expand(len(model), -1, -1) for one in x]
        parts.append(_weighed(model, few, chosen, noise, samples))
    first, second = (torch.cat(each, 1) for each in zip(*parts, strict=True))
    square = (torch.exp(second - 2 * first) - 1 / samples).clamp_min(0)
    return LikelihoodEstimate(first - math.log(samples), square.sqrt(), -0.5 * square)


def conditional_log_likelihood(
    model: StackedVAE,
    x: Sequence[Tensor],
    noise: Noise,
    *,
    target: Sequence[int],
    given: Sequence[int],
    samples: int = 1000,
) -> LikelihoodEstimate:
    """log p(x of the target | x of the given): the difference of two estimates, no bound in either direction.

    Raises:
        SettingError: See `log_likelihood`, or a modality is in both sets.
    """
    if set(target) & set(given):
        raise SettingError(f"modalities {sorted(set(target) & set(given))} are both asked for and given")
    both = log_likelihood(model, x, noise, samples=samples, of=(*given, *target))
    known = log_likelihood(model, x, noise, samples=samples, of=given)
    return LikelihoodEstimate(
        both.nats - known.nats, torch.hypot(both.error, known.error), both.bias - known.bias
    )


def _weighed(
    model: StackedVAE, x: Sequence[Tensor], of: Sequence[int], noise: Noise, samples: int
) -> tuple[Tensor, Tensor]:
    """Logarithms of the sum of the weights and of the sum of their squares, [S, B] each."""
    present = torch.tensor([m in of for m in range(len(model.modalities))], device=x[0].device)[:, None, None]
    posterior = model.posterior(model.encode(x), present)
    first = torch.full_like(posterior.weights[0], -math.inf)
    second = first
    for _ in range(samples):
        z = posterior.draw(*noise(1, first.shape[-1]), "sampled").z[0]
        log_weight = _log_weight(model, x, of, posterior, z)
        first, second = torch.logaddexp(first, log_weight), torch.logaddexp(second, 2 * log_weight)
    return first, second


def _log_weight(
    model: StackedVAE, x: Sequence[Tensor], of: Sequence[int], posterior: Mixture, z: Tensor
) -> Tensor:
    """log p(x | z) + log p(z) - log q(z | x) of codes [S, B, D]: [S, B]."""
    total = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1) - posterior.log_prob(z)
    for m in of:
        total = total + model.modalities[m].likelihood.log_prob(x[m], model.decode(m, z))
    return total
