"""The factors around a network: what it is fed, what its output stands for (Karras et al. 2022, table 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import Preconditioning
from tasvir.lab.diffusion.predictions import Prediction


class PlainPreconditioning(Preconditioning):
    """The output itself is x0, eps, v or velocity: skip = 0, out = 1.

    Args:
        prediction: What it is.
        sigma_data: Standard deviation of the data: inputs are divided by sqrt(alpha^2 sigma_data^2 +
            sigma^2); None = inputs as they are, as DDPM has it.
    """

    def __init__(self, prediction: Prediction, sigma_data: float | None = None) -> None:
        self.prediction, self.sigma_data = prediction, sigma_data

    def factors(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Preconditioning.factors`."""
        one = torch.ones_like(sigma)
        before = one if self.sigma_data is None else _deviation(alpha, sigma, self.sigma_data).reciprocal()
        return before, torch.zeros_like(one), one


class EdmPreconditioning(Preconditioning):
    """x0 = skip x + out F(in x): inputs and targets of unit variance at every level, errors least enlarged.

    With d = sigma_data and V = alpha^2 d^2 + sigma^2: in = 1 / sqrt(V), skip = alpha d^2 / V, out = sigma d /
    sqrt(V); for alpha = 1 it is the last column of table 1.

    Args:
        sigma_data: Standard deviation of the data.

    Raises:
        SettingError: It is not positive.
    """

    prediction: Prediction = "x0"

    def __init__(self, sigma_data: float = 0.5) -> None:
        if not sigma_data > 0:
            raise SettingError(f"sigma_data is {sigma_data}: it must be positive")
        self.sigma_data = sigma_data

    def factors(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Preconditioning.factors`."""
        deviation = _deviation(alpha, sigma, self.sigma_data)
        skip = alpha * self.sigma_data**2 / deviation**2
        return deviation.reciprocal(), skip, sigma * self.sigma_data / deviation


def _deviation(alpha: Tensor, sigma: Tensor, sigma_data: float) -> Tensor:
    return torch.sqrt((alpha * sigma_data) ** 2 + sigma**2)
