"""How a step leads on: x_s = share x_t + sum of weights times what was told, as exact integrals.

The probability flow has three exact forms (Lu et al. 2022, equation 3.4; 2023, equation 8; Song et al. 2021,
equation 13), with r = sigma / alpha and lambda = log(alpha / sigma):

    noise      x_s / alpha_s = x_t / alpha_t + integral of eps dr
    data       x_s / sigma_s = x_t / sigma_t + integral of x0 d(alpha / sigma)
    velocity   x_s = x_t + integral of v dt

A solver puts a polynomial through what it was told, in lambda, r or t, and integrates that. So all solvers
share these few functions; which levels the polynomial goes through is what they differ in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from tasvir.lab.diffusion.schedules.base import Level

Transfer = Callable[[Sequence[Level], Level, Level], tuple[float, list[float]]]
"""(levels of what was told, from, to) -> share and one weight for each of what was told."""

_NODES, _WEIGHTS = (half / 2 for half in np.polynomial.legendre.leggauss(32))
_NODES = _NODES + 0.5


def combine(x: Tensor, share: float, weights: Sequence[float], told: Sequence[Tensor]) -> Tensor:
    """share x + sum of weights times told; one operation a term, nothing is changed in place."""
    first, *others = zip(weights, told, strict=True)
    result = (
        torch.add(x, first[1], alpha=first[0]) if share == 1.0 else (x * share).add_(first[1], alpha=first[0])
    )
    for weight, value in others:
        result.add_(value, alpha=weight)
    return result


def polynomial_weights(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """Weights that integrate the polynomial through the nodes.

    Args:
        nodes: Where it is known, distinct; 0 is where the step begins and 1 where it ends.
        moments: The integrals of 1, u, u^2, ... over the step, one for each node.
    """
    weights = []
    for one, node in enumerate(nodes):
        basis = [1.0]  # coefficients of the product of (u - other) / (node - other)
        for other in (*nodes[:one], *nodes[one + 1 :]):
            shifted = [0.0, *basis]
            for power, coefficient in enumerate(basis):
                shifted[power] -= coefficient * other
            basis = [coefficient / (node - other) for coefficient in shifted]
        weights.append(sum(a * m for a, m in zip(basis, moments, strict=True)))
    return weights


def exponential_moments(z: float, count: int) -> list[float]:
    """Integrals of z u^k exp(-z (1 - u)) over u in [0, 1] for k < count: z k! phi_{k+1}(-z).

    A series where the recurrence m_k = 1 - k m_{k-1} / z would cancel. z may be infinite.
    """
    if abs(z) < 1.0:
        return [_series(z, power) for power in range(count)]
    moments = [-math.expm1(-z)]
    for power in range(1, count):
        moments.append(1.0 - power / z * moments[-1])
    return moments


def _series(z: float, power: int) -> float:
    term, total = z / (power + 1), 0.0
    for i in range(power + 2, power + 22):
        total += term
        term *= -z / i
    return total


def from_noise(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """eps as a polynomial in lambda (Lu et al. 2022, equation 3.6)."""
    return _exponential(
        told, here, there, exponential_moments(here.half_log_snr - there.half_log_snr, len(told))
    )


def from_noise_halved(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """`from_noise` for at most two levels, with half the slope for the mean of u: the published 2M."""
    whole = -math.expm1(there.half_log_snr - here.half_log_snr)
    return _exponential(told, here, there, [whole, whole / 2][: len(told)])


def _exponential(
    told: Sequence[Level], here: Level, there: Level, moments: Sequence[float]
) -> tuple[float, list[float]]:
    weights = polynomial_weights(_in_log_snr(told, here, there), moments)
    return there.alpha / here.alpha, [there.sigma * weight for weight in weights]


def from_data(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """x0 as a polynomial in lambda (Lu et al. 2023, equation 9)."""
    moments = exponential_moments(there.half_log_snr - here.half_log_snr, len(told))
    return data_transfer(told, here, there, moments)


def from_data_halved(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """`from_data` for at most two levels, with half the slope for the mean of u: the published 2M."""
    whole = -math.expm1(here.half_log_snr - there.half_log_snr)
    return data_transfer(told, here, there, [whole, whole / 2][: len(told)])


def data_transfer(
    told: Sequence[Level], here: Level, there: Level, moments: Sequence[float]
) -> tuple[float, list[float]]:
    """The data form for given moments of u = (lambda - lambda_t) / (lambda_s - lambda_t)."""
    weights = polynomial_weights(_in_log_snr(told, here, there), moments)
    return there.sigma / here.sigma, [there.alpha * weight for weight in weights]


def _in_log_snr(told: Sequence[Level], here: Level, there: Level) -> list[float]:
    if len(told) == 1:
        return [0.0]
    step = there.half_log_snr - here.half_log_snr
    return [(level.half_log_snr - here.half_log_snr) / step for level in told]


def from_noise_in_ratio(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """eps as a polynomial in r: rho-AB (Zhang and Chen 2023) and linear multistep in noise."""
    step = there.ratio - here.ratio
    nodes = [(level.ratio - here.ratio) / step for level in told]
    weights = polynomial_weights(nodes, [1 / (power + 1) for power in range(len(told))])
    return there.alpha / here.alpha, [there.alpha * step * weight for weight in weights]


def from_noise_in_time(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """eps as a polynomial in t: t-AB (Zhang and Chen 2023, equation 15); moments by parts and quadrature."""
    step, whole = there.t - here.t, there.ratio - here.ratio
    moments = [whole]
    if len(told) > 1:
        times = torch.as_tensor(here.t + step * _NODES, dtype=torch.float64)
        away = (torch.exp(-here.schedule.half_log_snr(times)) - here.ratio).numpy()
        moments += [
            whole - power * float(_WEIGHTS @ (_NODES ** (power - 1) * away)) for power in range(1, len(told))
        ]
    weights = polynomial_weights([(level.t - here.t) / step for level in told], moments)
    return there.alpha / here.alpha, [there.alpha * weight for weight in weights]


def from_velocity(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
    """The velocity as a polynomial in t: the Adams and Runge-Kutta methods of textbooks."""
    step = there.t - here.t
    nodes = [(level.t - here.t) / step for level in told]
    weights = polynomial_weights(nodes, [1 / (power + 1) for power in range(len(told))])
    return 1.0, [step * weight for weight in weights]
