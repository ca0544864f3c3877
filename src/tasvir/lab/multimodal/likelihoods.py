"""Likelihoods of modalities, what decoded numbers say of data: Gaussian, Laplace, Bernoulli, categorical."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tasvir.lab.multimodal.bernoulli import bernoulli_log_prob


class Likelihood(ABC):
    """p(x | decoded), coordinates independent."""

    name: ClassVar[str]

    @abstractmethod
    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        """Log-likelihood in nats of x [..., d] under decoded numbers [..., d]: [...]."""

    @abstractmethod
    def mean(self, decoded: Tensor) -> Tensor:
        """E[x], [..., d]."""

    @abstractmethod
    def sample(self, decoded: Tensor, generator: torch.Generator) -> Tensor:
        """x drawn, [..., d]."""


class GaussianLikelihood(Likelihood):
    """N(decoded, scale^2).

    Args:
        scale: Standard deviation, in the data's units.
    """

    name: ClassVar[str] = "gaussian"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        square = ((x - decoded) / self.scale).square()
        return -(0.5 * square + math.log(self.scale) + 0.5 * math.log(2 * math.pi)).sum(-1)

    def mean(self, decoded: Tensor) -> Tensor:
        return decoded

    def sample(self, decoded: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(decoded.shape, generator=generator, dtype=decoded.dtype)
        return decoded + self.scale * noise.to(decoded.device)


class LaplaceLikelihood(Likelihood):
    """Laplace(decoded, scale): exp(-|x - decoded| / scale) / (2 scale).

    Args:
        scale: In the data's units.
    """

    name: ClassVar[str] = "laplace"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return -((x - decoded).abs() / self.scale + math.log(2 * self.scale)).sum(-1)

    def mean(self, decoded: Tensor) -> Tensor:
        return decoded

    def sample(self, decoded: Tensor, generator: torch.Generator) -> Tensor:
        uniform = torch.rand(decoded.shape, generator=generator, dtype=decoded.dtype).to(decoded.device) - 0.5
        return decoded - self.scale * uniform.sign() * torch.log1p(-2 * uniform.abs())


class BernoulliLikelihood(Likelihood):
    """x in 0 to 1 under p = sigmoid(decoded): x log p + (1 - x) log(1 - p), minus the binary cross-entropy.

    Shades between 0 and 1 are taken as shares, as the field does; then it is no normalised density.
    """

    name: ClassVar[str] = "bernoulli"

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return bernoulli_log_prob(x, decoded)

    def mean(self, decoded: Tensor) -> Tensor:
        return torch.sigmoid(decoded)

    def sample(self, decoded: Tensor, generator: torch.Generator) -> Tensor:
        uniform = torch.rand(decoded.shape, generator=generator, dtype=decoded.dtype).to(decoded.device)
        return (uniform < torch.sigmoid(decoded)).to(decoded.dtype)


class CategoricalLikelihood(Likelihood):
    """One-hot x under softmax(decoded)."""

    name: ClassVar[str] = "categorical"

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return (x * torch.log_softmax(decoded, -1)).sum(-1)

    def mean(self, decoded: Tensor) -> Tensor:
        return torch.softmax(decoded, -1)

    def sample(self, decoded: Tensor, generator: torch.Generator) -> Tensor:
        flat = torch.softmax(decoded, -1).flatten(0, -2).cpu()
        chosen = torch.multinomial(flat, 1, generator=generator)[:, 0]
        whole = functional.one_hot(chosen, decoded.shape[-1]).to(decoded)
        return whole.view(decoded.shape)
