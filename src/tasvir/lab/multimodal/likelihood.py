"""Log-likelihoods of multimodal models by importance sampling, the joint posterior as proposal.

p(x) is the mean of p(x | z) p(z) / q(z | x) over z drawn from q (Burda et al. 2016). The logarithm of a mean
of k weights is below log p(x) in expectation, by about half its squared error, and rises with k. A proposal
narrower than the posterior, as a product that counts the prior often is, makes weights of huge variance and
that error too small; so half of the codes come from the geometric mean of the experts, which is wider (a
defensive mixture, Hesterberg 1995).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import shares_of
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Noise

EXAMPLES = 250
"""Worked on together; another number is another draw."""
DEFENSIVE = 0.5
"""Share of the codes that come from the geometric mean of the experts."""


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
    defensive: float = DEFENSIVE,
) -> LikelihoodEstimate:
    """log p(x_m of a set of modalities), without the objective's scales.

    Args:
        model: S models.
        x: [S or 1, N, d_m] a modality; of those outside the set any finite numbers.
        noise: Draws.
        samples: k, codes an example; 2 or more.
        of: The set; None = all.
        defensive: Share of the geometric mean of the experts in the proposal, 0 to below 1; 0 = the rule's
            posterior alone.

    Raises:
        SettingError: Fewer than 2 samples, no such modality or no such share.
    """
    chosen = tuple(range(len(model.modalities))) if of is None else tuple(of)
    if samples < 2:
        raise SettingError(f"samples is {samples}: give 2 or more, of one the error is not known")
    if not chosen or not set(chosen) <= set(range(len(model.modalities))):
        raise SettingError(f"modalities {chosen}: give some of 0 to {len(model.modalities) - 1}")
    if not 0 <= defensive < 1:
        raise SettingError(f"defensive is {defensive}: give a share from 0 to below 1")
    parts: list[tuple[Tensor, Tensor]] = []
    for start in range(0, x[0].shape[1], EXAMPLES):
        few = [one[:, start : start + EXAMPLES].expand(len(model), -1, -1) for one in x]
        parts.append(_weighed(model, few, chosen, noise, samples, defensive))
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
    defensive: float = DEFENSIVE,
) -> LikelihoodEstimate:
    """log p(x of the target | x of the given): the difference of two estimates, no bound in either direction.

    Raises:
        SettingError: See `log_likelihood`, or a modality is in both sets.
    """
    if set(target) & set(given):
        raise SettingError(f"modalities {sorted(set(target) & set(given))} are both asked for and given")
    both = log_likelihood(model, x, noise, samples=samples, of=(*given, *target), defensive=defensive)
    known = log_likelihood(model, x, noise, samples=samples, of=given, defensive=defensive)
    return LikelihoodEstimate(
        both.nats - known.nats, torch.hypot(both.error, known.error), both.bias - known.bias
    )


def _weighed(
    model: StackedVAE, x: Sequence[Tensor], of: Sequence[int], noise: Noise, samples: int, defensive: float
) -> tuple[Tensor, Tensor]:
    """Logarithms of the sum of the weights and of the sum of their squares, [S, B] each."""
    proposal = _proposal(model, x, of, defensive)
    first = torch.full_like(proposal.weights[0], -math.inf)
    second = first
    for _ in range(samples):
        z = proposal.draw(*noise(1, first.shape[-1]), "sampled").z[0]
        log_weight = _log_weight(model, x, of, proposal, z)
        first, second = torch.logaddexp(first, log_weight), torch.logaddexp(second, 2 * log_weight)
    return first, second


def _proposal(model: StackedVAE, x: Sequence[Tensor], of: Sequence[int], defensive: float) -> Mixture:
    """The rule's posterior of a set of modalities, and the geometric mean of the set's experts."""
    present = torch.tensor([m in of for m in range(len(model.modalities))], device=x[0].device)[:, None, None]
    experts = model.encode(x)
    own = model.posterior(experts, present)
    if not defensive:
        return own
    wide = PoE("one").join(experts, shares_of(torch.ones_like(experts.mean[..., 0]), present)).components
    return Mixture(
        Gaussian(
            torch.cat([own.components.mean, wide.mean]),
            torch.cat([own.components.log_variance, wide.log_variance]),
        ),
        torch.cat([(1 - defensive) * own.weights, torch.full_like(own.weights[:1], defensive)]),
    )


def _log_weight(
    model: StackedVAE, x: Sequence[Tensor], of: Sequence[int], proposal: Mixture, z: Tensor
) -> Tensor:
    """log p(x | z) + log p(z) - log q(z | x) of codes [S, B, D]: [S, B]."""
    total = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1) - proposal.log_prob(z)
    for m in of:
        total = total + model.modalities[m].likelihood.log_prob(x[m], model.decode(m, z))
    return total
