"""Training the autoencoder: L1 and gradient difference on crops of fresh scenes, noise on the latent.

Given a trained one, only its decoder learns: the latents stay what they are, so that a generator that was
trained on them draws with the new decoder as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
from tasvir.models.embedded.training.pixels import to_tensor
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene

CROP = 64
"""Side in pixels of the square crops that the network is trained on; a scene gives two of them."""

LATENT_NOISE = 0.1
"""Standard deviation of the noise on the raw latent, whose spread is held near one."""


class AutoencoderTask:
    """Reconstruct crops through a noisy bottleneck.

    Args:
        device: Where to train.
        seed: Seeds the weights.
        vae: Folder of a trained autoencoder whose encoder is kept; None = all is trained from scratch.
    """

    name = "autoencoder"
    lr = 2e-3
    batch = 32

    def __init__(self, device: torch.device, seed: int, vae: Path | None = None) -> None:
        torch.manual_seed(seed)
        self.only_decoder = vae is not None
        model: EmbeddedAutoencoder = EmbeddedAutoencoder() if vae is None else load(vae)
        self.model = model.to(device, memory_format=torch.channels_last)
        if self.only_decoder:
            self.model.encoder.requires_grad_(False)
        self.device = device

    def network(self) -> nn.Module:
        network: nn.Module = self.model
        return network

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        pictures = self._crops(rng, batch)
        latents = self.model.encode_raw(pictures)
        shake = torch.randn(latents.shape, generator=noise).to(self.device)
        restored = self.model.decode_raw(latents + LATENT_NOISE * shake).float()
        plain = (restored - pictures).abs().mean()
        edges = sum((restored.diff(dim=axis) - pictures.diff(dim=axis)).abs().mean() for axis in (2, 3))
        size = latents.float().square().mean()
        total = plain + edges + 0.01 * (size - 1.0).relu()
        mse = (restored.detach().clamp(-1, 1) - pictures).square().mean()
        psnr = float(10 * torch.log10(4 / mse))
        return total, {"loss": float(total.detach()), "psnr": psnr, "latent": float(size.detach())}

    def finish(self, out: Path) -> None:
        """Measure the latent's statistics (a kept encoder's stay) and the reconstruction on 512 scenes; save
        in diffusers' layout."""
        self.model.eval()
        rng = np.random.default_rng([2**31, 1])
        scenes = self._whole(rng, 512)
        with torch.no_grad():
            raw = torch.cat([self.model.encode_raw(part) for part in scenes.split(32)]).float()
            shift, spread = raw.mean((0, 2, 3)), raw.std((0, 2, 3))
            restored = torch.cat([self.model.decode_raw(part).clamp(-1, 1) for part in raw.split(32)])
        error = (restored - scenes).square().mean((1, 2, 3))
        psnr = 10 * torch.log10(4 / error)
        if not self.only_decoder:
            self.model.register_to_config(shift=shift.tolist(), spread=spread.tolist())
        self.model.half().save_pretrained(out / "vae")
        self.model.float()
        figures = {"psnr_mean": float(psnr.mean()), "psnr_std": float(psnr.std()), "n": len(scenes)}
        (out / "figures.json").write_text(json.dumps(figures, indent=2), "utf-8")

    def _crops(self, rng: np.random.Generator, batch: int) -> Tensor:
        crops = []
        for _ in range(max(batch // 2, 1)):
            picture = render(sample_scene(rng))
            for y, x in rng.integers(0, picture.shape[0] - CROP + 1, (2, 2)):
                crops.append(picture[y : y + CROP, x : x + CROP])
        return to_tensor(np.stack(crops), self.device)

    def _whole(self, rng: np.random.Generator, count: int) -> Tensor:
        return to_tensor(np.stack([render(sample_scene(rng)) for _ in range(count)]), self.device)


def load(folder: Path) -> EmbeddedAutoencoder:
    """A trained autoencoder in single precision."""
    model: EmbeddedAutoencoder = EmbeddedAutoencoder.from_pretrained(
        folder, local_files_only=True, use_safetensors=True
    )
    model.float()
    return model
