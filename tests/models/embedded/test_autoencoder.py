"""The autoencoder's standardisation and its locality."""

from __future__ import annotations

import torch

from tasvir.models.embedded.autoencoder import FACTOR, EmbeddedAutoencoder


def tiny(**settings: object) -> EmbeddedAutoencoder:
    torch.manual_seed(0)
    return EmbeddedAutoencoder(channels=4, width=8, **settings).eval()


def test_latents_are_shifted_and_scaled_by_the_config_and_back() -> None:
    shift, spread = (1.0, -2.0, 0.0, 0.5), (2.0, 0.5, 1.0, 4.0)
    plain, scaled = tiny(shift=(0.0,) * 4, spread=(1.0,) * 4), tiny(shift=shift, spread=spread)
    pictures = torch.rand(2, 3, 16, 24) * 2 - 1
    with torch.no_grad():
        raw = plain.encode_raw(pictures)
        latents = scaled.encode(pictures)
        expected = (raw - torch.tensor(shift).view(1, 4, 1, 1)) / torch.tensor(spread).view(1, 4, 1, 1)
        torch.testing.assert_close(latents, expected)
        torch.testing.assert_close(scaled.decode(latents), plain.decode(raw), atol=1e-5, rtol=1e-5)


def test_sizes_and_range() -> None:
    network = tiny(shift=(0.0,) * 4, spread=(1.0,) * 4)
    with torch.no_grad():
        latents = network.encode(torch.zeros(1, 3, 32, 48))
        pictures = network.decode(latents * 1e4)
    assert latents.shape == (1, 4, 32 // FACTOR, 48 // FACTOR)
    assert pictures.shape == (1, 3, 32, 48)
    assert pictures.abs().max() == 1.0
