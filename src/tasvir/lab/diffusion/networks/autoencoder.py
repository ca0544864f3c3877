"""A small variational autoencoder between examples and a few numbers (Kingma and Welling 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError

WIDEST = 7.0
"""|log deviation| of the encoder at most, where training is still finite."""


class Autoencoder(nn.Module):
    """Encoder q(z | x) = N(mean, deviation^2) and decoder.

    Args:
        shape: Of one example.
        latent: Numbers of z.
        width: Features.

    Raises:
        SettingError: No latent number.
    """

    def __init__(self, shape: tuple[int, ...], latent: int, width: int = 256) -> None:
        super().__init__()
        if latent < 1:
            raise SettingError(f"{latent} latent numbers: there must be 1 or more")
        self.shape, size = shape, torch.Size(shape).numel()
        self.encoder = _perceptron(size, width, 2 * latent)
        self.decoder = _perceptron(latent, width, size)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of z, [B, latent] each, of x [B, ...]."""
        mean, log_deviation = self.encoder(x.flatten(1)).chunk(2, 1)
        return mean, log_deviation.clamp(-WIDEST, WIDEST).exp()

    def decode(self, z: Tensor) -> Tensor:
        """z [B, latent] -> x [B, ...]."""
        found: Tensor = self.decoder(z)
        return found.reshape(len(z), *self.shape)


def _perceptron(before: int, width: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Linear(before, width), nn.SiLU()),
        *(nn.Linear(width, width), nn.SiLU()),
        nn.Linear(width, after),
    )
