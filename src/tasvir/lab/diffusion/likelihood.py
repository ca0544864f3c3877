"""Exact log-likelihood by the probability flow: noise's density and how the flow swells (thesis 4.39).

log p(x_0) = log p_T(x_T) + the integral of div(dx / dt) along x_0's own way to noise (Chen et al. 2018; Song
et al. 2021). The divergence is a trace of derivatives: exact, or estimated by probes (Hutchinson 1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.integrate import integrate, largest
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.oracles.base import Law
from tasvir.lab.diffusion.probability_flow import ProbabilityFlow, length
from tasvir.lab.diffusion.schedules.base import Level

Terminal = Callable[[Tensor, Level], Tensor]
"""(x_t [B, ...], level) -> log density of x_t at the last level, [B]."""


@dataclass(frozen=True, kw_only=True)
class FlowLikelihood(Bound):
    """A likelihood by the probability flow, and what it went through.

    Args:
        noise: [N, ...] x_t at the last time: the examples' encodings.
        evaluations: How often the denoiser was asked, each time for the whole batch.
        prior_gap: [N] nats by which the terminal density exceeds that of noise alone at the encodings: what
            is wrong with a likelihood that takes N(0, sigma^2) for it. 0 where that was taken.
    """

    noise: Tensor
    evaluations: int
    prior_gap: Tensor


@dataclass(frozen=True)
class Hutchinson:
    """Probes for a trace: the mean of e^T J e for e of mean 0 and covariance I.

    The variance of one probe is 2 sum_{i != j} S_ij^2 with Rademacher's signs and 2 ||S||^2 with Gaussian
    numbers, S being the symmetric part of J. A probe is kept along the whole way, so each gives one
    likelihood, and the spread among them is the standard error.

    Args:
        probes: How many, at least 2: one has no spread.
        kind: Of their numbers.
        seed: Of their numbers.

    Raises:
        SettingError: Fewer than 2 probes, or no such kind.
    """

    probes: int = 8
    kind: Literal["rademacher", "gaussian"] = "rademacher"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.probes < 2 or self.kind not in ("rademacher", "gaussian"):
            raise SettingError(
                f"{self.probes} probes of kind {self.kind!r}: ask for 2 or more, rademacher or gaussian"
            )

    def draw(self, x: Tensor) -> Tensor:
        """[K, B, ...] probes for x [B, ...], the same each time."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = (self.probes, *x.shape)
        if self.kind == "gaussian":
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(x)
        return (torch.randint(0, 2, shape, generator=generator) * 2 - 1).to(x)


def log_likelihood(
    denoiser: Denoiser,
    data: Tensor,
    *,
    end: float,
    terminal: Terminal | None = None,
    trace: Hutchinson | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-6,
) -> FlowLikelihood:
    """log p of data under a denoiser's probability flow, in nats of the units they come in.

    Args:
        denoiser: Each example's guess must depend on that example alone, and let gradients through.
        data: [N, ...]; of float64 where the denoiser takes it, as rounding is what limits tight tolerances.
        end: Least time at which it is asked; see `ProbabilityFlow`.
        terminal: Density at the last time; None = noise alone, N(0, sigma^2).
        trace: Probes; None = the exact trace: one backward pass a dimension.
        rtol: Of the solver; every number, the log-density among them, keeps it.
        atol: Of the solver.

    Raises:
        SettingError: The schedule does not reach noise and no terminal density was given; the denoiser lets
            no gradients through; or a tolerance that cannot be met.
        NotFiniteError: The denoiser gave NaN or infinity.
    """
    flow = ProbabilityFlow(denoiser, end)
    count, shape = len(data), data.shape
    size = data[0].numel()
    if terminal is None:
        flow.noise.prior_deviation()
    probes = None if trace is None else trace.draw(data)
    start = (data * (flow.data.alpha / length(flow.data))).flatten(1).double()
    states = torch.cat([start, start.new_zeros(count, 1 if probes is None else len(probes))], 1)

    def slope(angle: float, state: Tensor) -> Tensor:
        z = state[:, :size].reshape(shape).to(data)
        value, traces = divergence(lambda at: flow.slope(angle, at), z, probes)
        return torch.cat([value.flatten(1), traces], 1).to(state)

    with torch.no_grad():
        solved = integrate(slope, states, flow.begin, flow.finish, rtol=rtol, atol=atol, norm=largest)
        noise = solved.y[:, :size].reshape(shape) * length(flow.noise)
        alone = noise_alone(noise, flow.noise)
        last = alone if terminal is None else terminal(noise, flow.noise).double()
    swelling = solved.y[:, size:]
    scale = math.log(length(flow.noise) / length(flow.data) * flow.data.alpha)
    error = None if probes is None else swelling.std(1) / math.sqrt(len(probes))
    return FlowLikelihood(
        last + swelling.mean(1) + size * scale,
        exact=True,
        error=error,
        noise=noise.to(data),
        evaluations=solved.evaluations,
        prior_gap=last - alone,
    )


def divergence(
    function: Callable[[Tensor], Tensor], x: Tensor, probes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """A function's value and the trace of its derivatives, for each example.

    Args:
        function: [B, ...] -> [B, ...], row by row.
        x: [B, ...].
        probes: [K, B, ...]; None = exact, one backward pass a dimension.

    Returns:
        The value and the traces: [B, 1] exact, or [B, K], one a probe.

    Raises:
        SettingError: The function lets no gradients through.
    """
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        value = function(at)
    if not value.requires_grad:
        raise SettingError("the denoiser lets no gradients through: a likelihood needs its derivatives")
    if probes is None:
        return value.detach(), _trace(value, at)
    found = [(_pulled(value, at, probe) * probe).flatten(1).sum(1) for probe in probes]
    return value.detach(), torch.stack(found, 1)


def _trace(value: Tensor, at: Tensor) -> Tensor:
    seed = torch.zeros_like(value).flatten(1)
    total = seed.new_zeros(len(seed), 1)
    for index in range(seed.shape[1]):
        seed[:, index] = 1
        total += _pulled(value, at, seed.reshape(value.shape)).flatten(1)[:, index : index + 1]
        seed[:, index] = 0
    return total


def _pulled(value: Tensor, at: Tensor, along: Tensor) -> Tensor:
    """Each example's row ``along`` times the matrix of derivatives."""
    (slope,) = torch.autograd.grad(value, at, along, retain_graph=True)
    return slope


def noise_alone(x: Tensor, level: Level) -> Tensor:
    """log N(x; 0, sigma^2 I), [B] in float64: the usual terminal density."""
    return _normal(x.flatten(1).double(), level.sigma**2 * torch.ones((), dtype=torch.float64))


def law_terminal(law: Law) -> Terminal:
    """The true terminal density of an oracle; x [B, D]."""
    return lambda x, level: law.log_density(x.double(), level.alpha, level.sigma)


def moment_matched(data: Tensor) -> Terminal:
    """A Gaussian of the mean and variance of data [N, ...] in every dimension, under the last level's noise.

    It mends most of what N(0, sigma^2) gets wrong where alpha / sigma is not tiny; give it training data.
    """
    mean, variance = data.flatten(1).double().mean(0), data.flatten(1).double().var(0, correction=0)

    def density(x: Tensor, level: Level) -> Tensor:
        away = x.flatten(1).double() - level.alpha * mean
        return _normal(away, level.alpha**2 * variance + level.sigma**2)

    return density


def _normal(away: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * (away**2 / variance + torch.log(2 * math.pi * variance)).sum(1)
