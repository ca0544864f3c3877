"""Mixtures of Gaussians in any dimension: under noise they stay mixtures, so all of it is closed form.

With component k of weight w_k, mean m_k, covariance S_k = U diag(e) U^T: alpha x_0 + sigma eps has components
N(alpha m_k, alpha^2 S_k + sigma^2 I), and E[x_0 | x, k] = m_k + alpha S_k (alpha^2 S_k + sigma^2 I)^-1 (x -
alpha m_k).
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.oracles.base import Law


class MixtureLaw(Law):
    """A mixture of Gaussians; one component makes a Gaussian.

    Args:
        weights: [K], positive; scaled to sum to 1.
        means: [K, D].
        covariances: [K, D, D], positive semidefinite; or [K, D], their diagonals.

    Raises:
        SettingError: Shapes that do not fit, or a covariance that is none.
    """

    name: ClassVar[str] = "mixture"

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        self.weights = weights.double() / weights.double().sum()
        self.means = means.double()
        full = covariances.double()
        full = torch.diag_embed(full) if full.ndim == 2 else full
        self.dimension = self.means.shape[-1]
        count = len(self.weights)
        if self.means.shape != (count, self.dimension) or full.shape != (
            count,
            self.dimension,
            self.dimension,
        ):
            raise SettingError(
                f"weights {tuple(weights.shape)}, means {tuple(means.shape)} and covariances "
                f"{tuple(covariances.shape)} do not fit: they must be [K], [K, D] and [K, D, D] or [K, D]"
            )
        if not bool((self.weights > 0).all()) or not torch.allclose(full, full.mT):
            raise SettingError("weights must be positive and covariances symmetric")
        self.spread, self.axes = torch.linalg.eigh(full)
        if float(self.spread.min()) < -1e-12:
            raise SettingError("a covariance has a negative eigenvalue")
        self.spread = self.spread.clamp(min=0.0)

    @classmethod
    def gaussian(cls, mean: Tensor, covariance: Tensor) -> MixtureLaw:
        """N(mean, covariance): mean [D], covariance [D, D] or [D]."""
        return cls(torch.ones(1), mean[None], covariance[None])

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """See `Law.sample`."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.dimension, generator=generator, dtype=torch.float64)
        scaled = noise * self.spread[chosen].sqrt()
        return self.means[chosen] + torch.einsum("nij,nj->ni", self.axes[chosen], scaled)

    def log_density(self, x: Tensor, alpha: float = 1.0, sigma: float = 0.0) -> Tensor:
        """See `Law.log_density`."""
        return self._log_terms(self._turned(x, alpha), alpha, sigma).logsumexp(1)

    def responsibilities(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """p(component | alpha x_0 + sigma eps = x), [N, K]."""
        return self._log_terms(self._turned(x, alpha), alpha, sigma).softmax(1)

    def denoise(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """See `Law.denoise`."""
        turned = self._turned(x, alpha)
        shares = self._log_terms(turned, alpha, sigma).softmax(1)
        gain = alpha * self.spread / (alpha**2 * self.spread + sigma**2)
        means = self.means.to(x) + torch.einsum("kij,nkj->nki", self.axes.to(x), turned * gain.to(x))
        return torch.einsum("nk,nkd->nd", shares, means)

    def mean_square_error(self, alpha: float, sigma: float) -> float:
        """E ||x_0 - E[x_0 | x]||^2 of a Gaussian: e sigma^2 / (alpha^2 e + sigma^2) summed over its spread e.

        Half its integral over SNR = alpha^2 / sigma^2 is what x tells of x_0, in nats (Guo et al. 2005).

        Raises:
            SettingError: The law has more than one component.
        """
        if len(self.weights) != 1:
            raise SettingError("the mean square error is closed form for one Gaussian, not for a mixture")
        return float((self.spread * sigma**2 / (alpha**2 * self.spread + sigma**2)).sum())

    def _turned(self, x: Tensor, alpha: float) -> Tensor:
        """x - alpha m_k along the axes of every component, [N, K, D]."""
        away = x[:, None, :] - alpha * self.means.to(x)
        return torch.einsum("kij,nki->nkj", self.axes.to(x), away)

    def _log_terms(self, turned: Tensor, alpha: float, sigma: float) -> Tensor:
        """log w_k N(x; alpha m_k, alpha^2 S_k + sigma^2 I), [N, K]."""
        variance = alpha**2 * self.spread + sigma**2
        constant = self.weights.log() - 0.5 * (variance.log().sum(1) + self.dimension * math.log(2 * math.pi))
        terms: Tensor = constant.to(turned) - 0.5 * (turned**2 / variance.to(turned)).sum(2)
        return terms
