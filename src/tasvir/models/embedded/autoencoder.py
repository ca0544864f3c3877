"""The autoencoder of the embedded generator: 128 x 128 pixels <-> a 16 x 16 latent of 16 channels.

Convolutional without normalisation layers, so that it may be trained on crops and used at any size that 8
divides. The latent is trained with added noise in place of a sampled posterior (a denoising bottleneck),
which keeps it smooth enough for diffusion; ``config.shift`` and ``config.spread`` bring it to zero mean and
unit variance per channel.
"""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

FACTOR = 8
"""Pixels per latent cell along a side."""


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(x)))), the last convolution starting at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(F.silu(self.first(F.silu(x))))
        return x + change


class EmbeddedAutoencoder(ModelMixin, ConfigMixin):
    """Pictures in [-1, 1], shape [N, 3, H, W], to latents [N, channels, H/8, W/8] and back.

    Args:
        channels: Latent channels.
        width: Features at a quarter of the resolution; twice that at an eighth.
        shift: Mean of the raw latent per channel, measured after training.
        spread: Standard deviation of the raw latent per channel, measured after training.
    """

    @register_to_config
    def __init__(
        self,
        channels: int = 16,
        width: int = 64,
        shift: tuple[float, ...] = (0.0,) * 16,  # noqa: ARG002 - read from the config
        spread: tuple[float, ...] = (1.0,) * 16,  # noqa: ARG002
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=4),
            ResidualBlock(width),
            ResidualBlock(width),
            nn.Conv2d(width, 2 * width, 2, stride=2),
            ResidualBlock(2 * width),
            ResidualBlock(2 * width),
            nn.Conv2d(2 * width, channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, 2 * width, 3, padding=1),
            ResidualBlock(2 * width),
            ResidualBlock(2 * width),
            ResidualBlock(2 * width),
            nn.Conv2d(2 * width, 4 * width, 1),
            nn.PixelShuffle(2),
            ResidualBlock(width),
            ResidualBlock(width),
            ResidualBlock(width),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(width // 2, width // 2, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 2, 12, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def encode_raw(self, pictures: Tensor) -> Tensor:
        """Latents before standardisation, shape [N, channels, H/8, W/8]."""
        latents: Tensor = self.encoder(pictures)
        return latents

    def decode_raw(self, latents: Tensor) -> Tensor:
        """Pictures from latents that were not standardised; about [-1, 1], not clipped."""
        pictures: Tensor = self.decoder(latents)
        return pictures

    def encode(self, pictures: Tensor) -> Tensor:
        """Standardised latents: zero mean, unit variance per channel over the world's pictures."""
        shift, spread = self._statistics(pictures)
        return (self.encode_raw(pictures) - shift) / spread

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures in [-1, 1] from standardised latents."""
        shift, spread = self._statistics(latents)
        return self.decode_raw(latents * spread + shift).clamp(-1, 1)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        shift = torch.tensor(self.config.shift, device=like.device, dtype=like.dtype)
        spread = torch.tensor(self.config.spread, device=like.device, dtype=like.dtype)
        return shift.view(1, -1, 1, 1), spread.view(1, -1, 1, 1)
