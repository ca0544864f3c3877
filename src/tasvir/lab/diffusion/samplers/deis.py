"""DEIS (Zhang and Chen 2023): polynomials of the noise in t, in rho = sigma / alpha, or in log rho."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler
from tasvir.lab.diffusion.samplers.transfers import (
    Transfer,
    from_noise,
    from_noise_in_ratio,
    from_noise_in_time,
)


class DeisTime2Sampler(MultistepSampler):
    """t-AB: the polynomial in t through 2 answers."""

    name: ClassVar[str] = "deis-t-2"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 2
    transfer: ClassVar[Transfer] = from_noise_in_time


class DeisTime3Sampler(MultistepSampler):
    """t-AB: the polynomial in t through 3 answers."""

    name: ClassVar[str] = "deis-t-3"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 3
    transfer: ClassVar[Transfer] = from_noise_in_time


class DeisRho2Sampler(MultistepSampler):
    """rho-AB: the polynomial in rho through 2 answers."""

    name: ClassVar[str] = "deis-rho-2"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 2
    transfer: ClassVar[Transfer] = from_noise_in_ratio


class DeisRho3Sampler(MultistepSampler):
    """rho-AB: the polynomial in rho through 3 answers."""

    name: ClassVar[str] = "deis-rho-3"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 3
    transfer: ClassVar[Transfer] = from_noise_in_ratio


class DeisLogRho2Sampler(MultistepSampler):
    """DEIS as most libraries have it: the polynomial in log rho through 2 answers."""

    name: ClassVar[str] = "deis-log-rho-2"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 2
    transfer: ClassVar[Transfer] = from_noise


class DeisLogRho3Sampler(MultistepSampler):
    """DEIS as most libraries have it: the polynomial in log rho through 3 answers."""

    name: ClassVar[str] = "deis-log-rho-3"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    wants: ClassVar[Prediction] = "eps"
    remembers: ClassVar[int] = 3
    transfer: ClassVar[Transfer] = from_noise
