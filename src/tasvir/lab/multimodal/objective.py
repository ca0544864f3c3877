"""The objective: ELBOs of single modalities, of all together and of sets of them (thesis 3.1, 3.2, 3.6).

ELBO of a set A: E_q [sum over m in A of scale_m log p(x_m | z)] - beta KL(q(z | x_A), p(z)). Every KL is
closed; of a mixture it is the bound by its components. With more than one sample the importance-weighted
bound (Burda et al. 2016) stands in its place, where the mixture's own density counts; with "all" it is the
mean of the components' bounds (Shi et al. 2019), which is lower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import alone, shares_of
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Assignment, Mixture
from tasvir.lab.multimodal.model import StackedVAE

Noise = Callable[[int, int], tuple[Tensor, Tensor]]
"""Of n and B: standard normal [n, S, B, D] and uniform [S, B]."""


@dataclass(frozen=True)
class Objective:
    """What is maximised.

    Args:
        unimodal: Weight of the single modalities' ELBOs.
        subsets: Weight of the ELBOs of sets between one and all.
        beta: Weight of the divergences.
        samples: Codes per term; above 1 the importance-weighted bound.
        assignment: How mixtures are drawn from.

    Raises:
        SettingError: A number out of its range.
    """

    unimodal: float = 1.0
    subsets: float = 0.0
    beta: float = 1.0
    samples: int = 1
    assignment: Assignment = "stratified"

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise SettingError(f"samples is {self.samples}: give 1 or more")
        if self.samples > 1 and self.beta != 1:
            raise SettingError("the importance-weighted bound has no beta: give --beta 1 or --samples 1")
        for name in ("unimodal", "subsets", "beta"):
            if not getattr(self, name) >= 0:
                raise SettingError(f"{name} is {getattr(self, name)}: give 0 or more")


@dataclass(frozen=True)
class Term:
    """One ELBO: a posterior, the modalities it is to explain, its divergence and its weight."""

    posterior: Mixture
    targets: tuple[int, ...]
    divergence: Tensor
    weight: float | Tensor


def bounds(
    model: StackedVAE, x: Sequence[Tensor], objective: Objective, noise: Noise, present: Tensor | None = None
) -> Tensor:
    """The objective of every example, in nats: [S, B]; its negative mean is the loss.

    Args:
        model: S models.
        x: One tensor [S, B, d_m] a modality; where one is missing, any finite numbers.
        objective: What is maximised.
        noise: Draws.
        present: Which modalities the examples have, [M, S, B] or [M, 1, B]; None = all.
    """
    experts = model.encode(x)
    found = terms(model, experts, objective, present)
    codes, shares, ratios = _drawn(found, objective, noise)
    total = torch.zeros_like(experts.mean[0, ..., 0])
    explained = _explained(model, x, found, codes, present)
    for place, term in enumerate(found):
        if objective.samples == 1:
            value = (shares[place] * explained[place]).sum(0) - objective.beta * term.divergence
        else:
            value = _importance_weighted(explained[place] + ratios[place], shares[place], objective.samples)
        total = total + term.weight * value
    return total


def terms(model: StackedVAE, experts: Gaussian, objective: Objective, present: Tensor | None) -> list[Term]:
    """Which ELBOs are summed; the joint one first."""
    count = len(model.modalities)
    shares = model.shares(experts, present)
    joint = model.expert.join(experts, shares)
    found = [Term(joint, tuple(range(count)), model.expert.divergence(joint, experts, shares), 1.0)]
    if objective.unimodal:
        for m in range(count):
            own = alone(experts[m])
            seen = 1.0 if present is None else present[m].to(experts.mean)
            found.append(Term(own, (m,), own.kl_bound(), objective.unimodal * seen))
    if objective.subsets:
        for size in range(2, count):
            for chosen in combinations(range(count), size):
                mask = torch.tensor([m in chosen for m in range(count)], device=shares.device)[:, None, None]
                part = shares_of(shares, mask)
                posterior = model.expert.join(experts, part)
                divergence = model.expert.divergence(posterior, experts, part)
                found.append(Term(posterior, chosen, divergence, objective.subsets))
    return found


def _drawn(
    found: Sequence[Term], objective: Objective, noise: Noise
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Codes [C, S, B, D], shares [C, S, B] and log p(z) / q(z) of every term; C counts samples, too."""
    codes: list[Tensor] = []
    shares: list[Tensor] = []
    ratios: list[Tensor] = []
    for term in found:
        posterior, batch = term.posterior, term.posterior.weights.shape[-1]
        width = len(posterior) if objective.assignment == "all" else 1
        drawn = [posterior.draw(*noise(width, batch), objective.assignment) for _ in range(objective.samples)]
        z = torch.cat([one.z for one in drawn])
        codes.append(z)
        shares.append(torch.cat([one.share for one in drawn]))
        if objective.samples > 1:
            prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
            ratios.append(prior - torch.stack([posterior.log_prob(one) for one in z]))
    return codes, shares, ratios


def _explained(
    model: StackedVAE,
    x: Sequence[Tensor],
    found: Sequence[Term],
    codes: Sequence[Tensor],
    present: Tensor | None,
) -> list[Tensor]:
    """Sum over a term's targets of scale log p(x_m | z), [C, S, B]; each decoder is run once."""
    totals = [torch.zeros_like(code[..., 0]) for code in codes]
    for m, modality in enumerate(model.modalities):
        wanted = [place for place, term in enumerate(found) if m in term.targets]
        each = [code for place in wanted for code in codes[place]]
        decoded = model.decode(m, torch.cat(each, 1)).unflatten(1, (len(each), -1))
        values = modality.likelihood.log_prob(x[m][:, None], decoded).transpose(0, 1) * modality.scale
        if present is not None:
            values = values * present[m]
        parts = values.split([len(codes[place]) for place in wanted])
        for place, part in zip(wanted, parts, strict=True):
            totals[place] = totals[place] + part
    return totals


def _importance_weighted(log_weights: Tensor, shares: Tensor, samples: int) -> Tensor:
    """Sum over components of share * log mean over samples of the weights: [S, B].

    Where each sample's component was drawn, the product of their shares corrects for how often it is.
    """
    each = log_weights.unflatten(0, (samples, -1))
    mean = torch.logsumexp(each, 0) - math.log(samples)
    counts = shares.unflatten(0, (samples, -1))
    total: Tensor = ((counts.prod(0) if counts.shape[1] == 1 else counts[0]) * mean).sum(0)
    return total
