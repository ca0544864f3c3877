"""Pictures by searching an autoencoder's latents for what CLIP finds like the text: the way before diffusion.

No denoiser takes part: z <- Adam(z, d/dz mean_k arc(CLIP(cut_k(decode(z))), CLIP(text))) over random cutouts,
with arc(u, v) = 2 arcsin(|u - v| / 2) ** 2 between unit vectors.
Source: Crowson et al. 2022, "VQGAN-CLIP: open domain image generation and editing with natural language
guidance", sections 3.1 and 3.2; the autoencoder here may be one with a codebook or one with a KL penalty.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, DiffusionPipeline, VQModel
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers import CLIPModel, CLIPTokenizer

MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's training pictures, by channel (Radford et al. 2021)."""
NOISE = 0.1
"""Most that is added to a cutout, so that no single pixel can please CLIP."""


@dataclass(frozen=True)
class Search:
    """How long and how the latents are searched.

    Args:
        iterations: Steps of Adam, at least 1.
        learning_rate: Of Adam, in units of the latents' spread, above 0.
        cutouts: Random views of the picture that CLIP sees in each step, at least 1.
    """

    iterations: int
    learning_rate: float
    cutouts: int


@dataclass(frozen=True)
class Found:
    """A picture with its cosine to the text, whole and unaltered, before and after the search."""

    image: Image.Image
    before: float
    after: float


class ClipLatentPipeline(DiffusionPipeline):
    """An autoencoder and CLIP, saved and loaded as one."""

    def __init__(self, vae: AutoencoderKL | VQModel, clip: CLIPModel, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.register_modules(vae=vae, clip=clip, tokenizer=tokenizer)
        for network in (vae, clip):
            network.requires_grad_(False)

    @property
    def shrinks(self) -> int:
        """Pixels to a latent along a side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def search(
        self,
        prompt: str,
        size: tuple[int, int],
        search: Search,
        generator: torch.Generator,
        on_step: Callable[[int, float], None] | None = None,
    ) -> Found:
        """One picture for one text.

        Args:
            prompt: Read up to the tokenizer's length.
            size: Width and height in pixels, multiples of `shrinks`.
            search: How long and how.
            generator: On the CPU; every random draw comes from it.
            on_step: Told the step, from 0, and its loss.
        """
        text = self._read(prompt)
        with torch.enable_grad():
            latents = self._start(size, generator).requires_grad_(True)
            adam = torch.optim.Adam([latents], lr=search.learning_rate * float(latents.detach().std()))
            before = self._likeness(latents, text)
            for step in range(search.iterations):
                adam.zero_grad()
                views = self._cutouts(self._decode(latents), search.cutouts, generator)
                loss = arc(self._look(views), text).mean()
                loss.backward()
                adam.step()
                if on_step is not None:
                    on_step(step, float(loss.detach()))
        after = self._likeness(latents, text)
        pixels = self._decode(latents.detach())[0].float().cpu().mul(255).round().to(torch.uint8)
        return Found(Image.fromarray(pixels.permute(1, 2, 0).numpy()), before, after)

    def _start(self, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Random codes of the codebook, or noise as wide as the latents of pictures are."""
        width, height = (side // self.shrinks for side in size)
        if isinstance(self.vae, VQModel):
            codes = self.vae.quantize.embedding.weight
            chosen = torch.randint(len(codes), (1, height, width), generator=generator)
            picked: Tensor = codes[chosen.to(codes.device)]
            return picked.permute(0, 3, 1, 2).contiguous()
        shape = (1, self.vae.config.latent_channels, height, width)
        noise = torch.randn(shape, generator=generator) / self.vae.config.scaling_factor
        noise += getattr(self.vae.config, "shift_factor", None) or 0.0
        placed: Tensor = noise.to(self.vae.device, self.vae.dtype)
        return placed

    def _decode(self, latents: Tensor) -> Tensor:
        """Pixels from 0 to 1; a codebook hands its gradient straight through."""
        decoded: Tensor = self.vae.decode(latents).sample
        return (decoded / 2 + 0.5).clamp(0, 1)

    def _read(self, prompt: str) -> Tensor:
        tokens = self.tokenizer(prompt, padding="max_length", truncation=True, return_tensors="pt")
        with torch.no_grad():
            return _unit(self.clip.get_text_features(**tokens.to(self.clip.device)))

    def _look(self, pixels: Tensor) -> Tensor:
        mean, spread = (torch.tensor(v).view(1, 3, 1, 1).to(pixels) for v in (MEAN, SPREAD))
        return _unit(self.clip.get_image_features(pixel_values=(pixels - mean) / spread))

    @torch.no_grad()
    def _likeness(self, latents: Tensor, text: Tensor) -> float:
        """Cosine between the text and the whole picture, 1 for alike."""
        return float((self._look(_resized(self._decode(latents), self._eye)) * text).sum())

    @property
    def _eye(self) -> int:
        return int(self.clip.config.vision_config.image_size)

    def _cutouts(self, pixels: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Squares of any size at any place, half of them mirrored, with noise, at CLIP's size.

        Args:
            pixels: Shape (1, 3, height, width), 0 to 1.
            count: How many.
            generator: On the CPU.

        Returns:
            Shape (count, 3, eye, eye).
        """
        height, width = pixels.shape[-2:]
        most = min(height, width)
        views = []
        for side_at, row_at, column_at, mirrored in torch.rand(count, 4, generator=generator).tolist():
            side = round(most * math.sqrt(0.1 + 0.9 * side_at))  # areas from a tenth to all, evenly
            row, column = int((height - side + 1) * row_at), int((width - side + 1) * column_at)
            view = _resized(pixels[..., row : row + side, column : column + side], self._eye)
            views.append(view.flip(-1) if mirrored < 0.5 else view)
        noise = torch.randn((count, 3, self._eye, self._eye), generator=generator)
        share = torch.rand((count, 1, 1, 1), generator=generator)
        return torch.cat(views) + (NOISE * share * noise).to(pixels)


def arc(one: Tensor, other: Tensor) -> Tensor:
    """Twice the square of half the angle between unit vectors, along the last axis: 0 to pi ** 2 / 2."""
    half = (one - other).norm(dim=-1).div(2).clamp(max=1 - 1e-6)  # arcsin is infinitely steep at 1
    squared: Tensor = half.arcsin() ** 2
    return 2 * squared


def _resized(pixels: Tensor, side: int) -> Tensor:
    smaller: Tensor = functional.interpolate(
        pixels, size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )
    return smaller


def _unit(features: Any) -> Tensor:
    """The projected features of an output of CLIP, of length 1."""
    vectors: Tensor = functional.normalize(features.pooler_output.float(), dim=-1)
    return vectors
