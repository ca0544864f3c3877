"""Linear-Gaussian modalities, of which all is known: x_m = A_m z + b_m + s_m e, z and e standard normal.

A set A of modalities has the posterior N(mean, P^-1) with P = I + sum over A of A_m^T A_m / s_m^2, and the
likelihood N(b, A A^T + s^2). Both are worked out apart, so that one checks the other. `model` puts the truth
into the networks of a `StackedVAE`: experts, objective and likelihoods run on it as on any model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product as choices

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.likelihoods import GaussianLikelihood
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.networks import StackedLinear, StackedMLP
from tasvir.lab.multimodal.objective import Objective, bounds
from tasvir.lab.multimodal.weightings.base import Weighting

GRID = 20_001
"""Points of a quadrature: the trapezoid rule's error on smooth densities is far below rounding."""
REACH = 12.0
"""Deviations beyond the outermost means that a quadrature spans."""


@dataclass(frozen=True)
class LinearGaussian:
    """M modalities of one code.

    Args:
        maps: A_m, [d_m, D] float64.
        offsets: b_m, [d_m].
        noise: s_m, standard deviations above 0.

    Raises:
        SettingError: Their numbers or widths differ.
    """

    maps: tuple[Tensor, ...]
    offsets: tuple[Tensor, ...]
    noise: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.maps) == len(self.offsets) == len(self.noise) or not all(s > 0 for s in self.noise):
            raise SettingError("give a map, an offset and a noise above 0 for each modality")
        if len({one.shape[1] for one in self.maps}) != 1:
            raise SettingError("all maps must read codes of one width")

    @property
    def latent(self) -> int:
        """D."""
        return self.maps[0].shape[1]

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Examples x_m, [count, d_m]."""
        z = torch.randn(count, self.latent, generator=generator, dtype=torch.float64)
        drawn = []
        for a, b, s in zip(self.maps, self.offsets, self.noise, strict=True):
            noise = torch.randn(count, len(b), generator=generator, dtype=torch.float64)
            drawn.append(z @ a.T + b + s * noise)
        return tuple(drawn)

    def precision(self, of: Sequence[int]) -> Tensor:
        """P of a set of modalities, [D, D]; of none the prior's."""
        own = torch.eye(self.latent, dtype=torch.float64)
        for m in of:
            own = own + self.maps[m].T @ self.maps[m] / self.noise[m] ** 2
        return own

    def posterior(self, x: Sequence[Tensor], of: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Mean [..., D] and precision [D, D] of p(z | x_m of a set), of x_m [..., d_m]."""
        precision = self.precision(of)
        parts = [(x[m] - self.offsets[m]) @ self.maps[m] / self.noise[m] ** 2 for m in of]
        whole = sum(parts, torch.zeros(*x[0].shape[:-1], self.latent, dtype=torch.float64))
        mean: Tensor = torch.linalg.solve(precision, whole[..., None])[..., 0]
        return mean, precision

    def log_likelihood(self, x: Sequence[Tensor], of: Sequence[int]) -> Tensor:
        """log p(x_m of a set) in nats, [...]."""
        a = torch.cat([self.maps[m] for m in of])
        apart = torch.cat([x[m] - self.offsets[m] for m in of], -1)
        spread = torch.cat([a.new_full((len(self.maps[m]),), self.noise[m] ** 2) for m in of])
        root = torch.linalg.cholesky(a @ a.T + torch.diag(spread))
        scaled = torch.linalg.solve_triangular(root, apart[..., None], upper=False)[..., 0]
        volume = root.diagonal().log().sum() + 0.5 * len(root) * math.log(2 * math.pi)
        nats: Tensor = -0.5 * scaled.square().sum(-1) - volume
        return nats

    def conditional(self, x: Sequence[Tensor], target: Sequence[int], given: Sequence[int]) -> Tensor:
        """log p(x of the target | x of the given) in nats, [...]."""
        return self.log_likelihood(x, (*given, *target)) - self.log_likelihood(x, given)

    def experts(self, x: Sequence[Tensor]) -> Gaussian:
        """p(z | x_m) of every modality, [M, ..., D].

        Where A_m^T A_m is not diagonal, the diagonal Gaussian of the least KL divergence to the posterior.
        """
        found = [self.posterior(x, (m,)) for m in range(len(self.maps))]
        precisions = torch.stack([one.diagonal().expand_as(mean) for mean, one in found])
        return Gaussian(torch.stack([mean for mean, _ in found]), -precisions.log())

    def explained(self, x: Sequence[Tensor], q: Gaussian, of: Sequence[int]) -> Tensor:
        """E_q [sum over a set of log p(x_m | z)] in nats, [...], of q [..., D]."""
        total = torch.zeros_like(q.mean[..., 0])
        for m in of:
            a, b, s = self.maps[m], self.offsets[m], self.noise[m]
            apart = (x[m] - q.mean @ a.T - b).square().sum(-1)
            blur = (q.log_variance.exp() * a.square().sum(0)).sum(-1)
            total = total - 0.5 * (apart + blur) / s**2 - len(b) * math.log(s * math.sqrt(2 * math.pi))
        return total

    def elbo(self, x: Sequence[Tensor], q: Mixture, of: Sequence[int]) -> Tensor:
        """E_q [log p(x of a set | z)] - KL(q, N(0, I)) in nats, [...].

        Of mixtures by quadrature, and only of codes of one number.
        """
        explained = self.explained([one[None] for one in x], q.components, of)
        divergence = q.components.kl()[0] if len(q) == 1 else mixture_kl(q)
        return (q.weights * explained).sum(0) - divergence

    def gap(self, x: Sequence[Tensor], q: Gaussian, of: Sequence[int]) -> Tensor:
        """KL(q, p(z | x of a set)) in nats, [...]: what q's ELBO is below the log-likelihood."""
        mean, precision = self.posterior(x, of)
        apart = q.mean - mean
        square = ((apart @ precision) * apart).sum(-1)
        trace = (q.log_variance.exp() * precision.diagonal()).sum(-1)
        volume = q.log_variance.sum(-1) + torch.logdet(precision)
        return 0.5 * (trace + square - self.latent - volume)

    def model(
        self, expert: Expert, weightings: Sequence[Weighting], seeds: Sequence[int] = (0,)
    ) -> StackedVAE:
        """A stack whose encoders tell `experts` and whose decoders are the truth, float64."""
        modalities = [
            Modality(f"x{place + 1}", len(b), GaussianLikelihood(s), ())
            for place, (b, s) in enumerate(zip(self.offsets, self.noise, strict=True))
        ]
        model = StackedVAE(modalities, self.latent, expert, weightings, seeds).double()
        for m, (a, b, s) in enumerate(zip(self.maps, self.offsets, self.noise, strict=True)):
            precision = self.precision((m,))
            inward = torch.linalg.solve(precision, a.T / s**2).T  # [d_m, D]
            bias = torch.cat([-b @ inward, -precision.diagonal().log()])
            _put(model.encoders[m], torch.cat([inward, inward * 0], 1), bias)
            _put(model.decoders[m], a.T, b)
        return model


def line(slopes: Sequence[float], noise: Sequence[float]) -> LinearGaussian:
    """Modalities of one number each: x_m = slope_m z + s_m e, of a code of one number."""
    maps = tuple(torch.full((1, 1), slope, dtype=torch.float64) for slope in slopes)
    return LinearGaussian(maps, tuple(torch.zeros(1, dtype=torch.float64) for _ in slopes), tuple(noise))


def exact_bounds(
    model: StackedVAE, x: Sequence[Tensor], objective: Objective, present: Tensor | None = None
) -> Tensor:
    """The expectation of `bounds` over its draws, of decoders that are affine and Gaussian, [S, N].

    Each example stands for 2^D, with every pattern of signs as its noise: over them a quadratic has the same
    mean as over normal noise. So one sample, and mixtures by "all".

    Args:
        model: S models.
        x: [N, d_m] a modality.
        objective: What is maximised.
        present: Which modalities the examples have, [M, N]; None = all.
    """
    signs = torch.tensor(list(choices((-1.0, 1.0), repeat=model.latent)), dtype=x[0].dtype)
    count, times = len(x[0]), len(signs)

    def noise(width: int, batch: int) -> tuple[Tensor, Tensor]:
        normal = signs.repeat(count, 1).expand(width, len(model), -1, -1)
        return normal, torch.zeros(len(model), batch, dtype=signs.dtype)

    copies = [one.repeat_interleave(times, 0).expand(len(model), -1, -1) for one in x]
    there = None if present is None else present.repeat_interleave(times, 1)[:, None]
    found: Tensor = bounds(model, copies, objective, noise, there).unflatten(1, (count, times)).mean(-1)
    return found


def mixture_kl(q: Mixture) -> Tensor:
    """KL(q, N(0, 1)) in nats, [...], by quadrature.

    Raises:
        SettingError: Its codes have more than one number.
    """
    if q.components.mean.shape[-1] != 1:
        raise SettingError("the divergence of a mixture is known by quadrature of one number only")
    reach = REACH * (0.5 * q.components.log_variance).exp()
    low, high = (q.components.mean - reach).amin(0), (q.components.mean + reach).amax(0)
    share = torch.linspace(0, 1, GRID, dtype=low.dtype, device=low.device).view(-1, *(1,) * low.ndim)
    z = low + (high - low) * share  # [grid, ..., 1]
    log_q = torch.logsumexp(q.weights.log() + q.components.log_prob(z[:, None]), 1)
    log_p = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
    return torch.trapezoid(log_q.exp() * (log_q - log_p), z[..., 0], dim=0)


def _put(network: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """The same affine map for every network of a stack without hidden layers."""
    assert isinstance(network, StackedMLP) and len(network.layers) == 1
    layer = network.layers[0]
    assert isinstance(layer, StackedLinear)
    with torch.no_grad():
        layer.weight.copy_(weight.expand_as(layer.weight))
        layer.bias.copy_(bias.expand_as(layer.bias))
