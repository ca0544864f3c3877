"""Pictures with the faults of a generator but with known truth, for networks that must read such pictures.

Three sources, from cheap to dear: plain distortions (blur, noise, blotches, colour, small warps); the
autoencoder's reconstruction of a scene through a noisy latent; and scenes redrawn by the generator from a
half-noised latent under their true caption and layout (SDEdit, Meng et al. 2022). The dear ones are kept in a
pool that is refreshed slowly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
from tasvir.models.embedded.conditioning import Grounding, tokenize
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.embedded.training.pixels import to_tensor
from tasvir.world.captions import caption, phrase
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Scene

LATENT_NOISE = 0.4
"""Greatest standard deviation of the noise on the standardised latent."""

STRENGTH = (0.25, 0.9)
"""Range of the share of the noise schedule that a redrawn scene goes back."""

REDRAW_STEPS = 7
SCALES = (1.0, 1.0, 2.0, 3.0)
"""Guidance scales of redrawing, one drawn a batch; those above 1 cost double."""

PART = 8
"""Pictures that are made at once."""

Pictures = NDArray[np.uint8]


class ArtefactPool:
    """Artefact pictures with their scenes; `refresh` replaces the oldest once it is full.

    Args:
        vae: A trained autoencoder, or None: then the pool stays empty.
        pipeline: A trained generator, or None: then only reconstructions are made.
        device: Where they run.
        capacity: Pictures kept.
    """

    def __init__(
        self,
        vae: EmbeddedAutoencoder | None,
        pipeline: EmbeddedLayoutPipeline | None,
        device: torch.device,
        capacity: int = 6000,
    ) -> None:
        self.vae = vae
        self.pipeline = pipeline
        self.device = device
        self.capacity = capacity
        self.scenes: list[Scene] = []
        self.pictures: list[Pictures] = []
        self.made = 0

    def refresh(self, rng: np.random.Generator, noise: torch.Generator) -> None:
        """Add PART pictures, two of three times redrawn ones where there is a generator."""
        if self.vae is None:
            return
        scenes = [sample_scene(rng) for _ in range(PART)]
        redraw = self.pipeline is not None and (self.made // PART) % 3 != 0
        pictures = self.redrawn(scenes, rng, noise) if redraw else self.reconstructed(scenes, rng, noise)
        for scene, picture in zip(scenes, pictures, strict=True):
            place = self.made % self.capacity
            self.scenes[place : place + 1] = [scene]
            self.pictures[place : place + 1] = [picture]
            self.made += 1

    def draw(self, rng: np.random.Generator, count: int) -> tuple[list[Scene], list[Pictures]]:
        """At most ``count`` pictures with their scenes; fewer while the pool is small."""
        count = min(count, len(self.scenes))
        chosen = rng.choice(len(self.scenes), count, replace=False).tolist() if count else []
        return [self.scenes[index] for index in chosen], [self.pictures[index] for index in chosen]

    @torch.no_grad()
    def reconstructed(
        self, scenes: Sequence[Scene], rng: np.random.Generator, noise: torch.Generator
    ) -> Pictures:
        """Scenes through the autoencoder with noise on the latent: uint8 [N, 128, 128, 3].

        Raises:
            ValueError: The pool was made without an autoencoder.
        """
        latents = self._encode(scenes)
        level = torch.from_numpy(rng.uniform(0, LATENT_NOISE, (len(scenes), 1, 1, 1))).float().to(self.device)
        return self._decode(latents + level * torch.randn(latents.shape, generator=noise).to(self.device))

    @torch.no_grad()
    def redrawn(self, scenes: Sequence[Scene], rng: np.random.Generator, noise: torch.Generator) -> Pictures:
        """Scenes redrawn by the generator from a partly noised latent: uint8 [N, 128, 128, 3].

        Raises:
            ValueError: The pool was made without a generator.
        """
        if self.pipeline is None:
            raise ValueError("this pool has no generator")
        scheduler = DPMSolverMultistepScheduler.from_config(self.pipeline.scheduler.config)
        whole = round(REDRAW_STEPS / rng.uniform(*STRENGTH))
        scheduler.set_timesteps(whole, device=self.device)
        start = whole - REDRAW_STEPS
        scheduler.set_begin_index(start)
        latents = self._encode(scenes)
        shake = torch.randn(latents.shape, generator=noise).to(self.device)
        timesteps = scheduler.timesteps[start:]
        latents = scheduler.add_noise(latents, shake, timesteps[:1].expand(len(scenes)))
        scale = SCALES[int(rng.integers(len(SCALES)))]
        condition = tokenize(
            self.pipeline.text_encoder,
            [caption(scene, rng)[0] for scene in scenes],
            [_grounding(scene, rng) for scene in scenes],
        )
        encoded = self.pipeline.encode(condition, scale > 1.0, self.device)
        for timestep in timesteps:
            predicted = self.pipeline._predict(latents, timestep, encoded, scale).float()
            latents = scheduler.step(predicted, timestep, latents, return_dict=False)[0]
        return self._decode(latents)

    def _encode(self, scenes: Sequence[Scene]) -> Tensor:
        if self.vae is None:
            raise ValueError("this pool has no autoencoder")
        pictures = to_tensor(np.stack([render(scene) for scene in scenes]), self.device)
        return self.vae.encode(pictures).float()

    def _decode(self, latents: Tensor) -> Pictures:
        if self.vae is None:
            raise ValueError("this pool has no autoencoder")
        pixels = (self.vae.decode(latents).float() + 1) * 127.5
        return np.ascontiguousarray(pixels.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def distort(pictures: Tensor, rng: np.random.Generator, noise: torch.Generator) -> Tensor:
    """Blur, grain, blotches, colour shift and small warps of random strength; boxes stay true to 2 pixels.

    Args:
        pictures: [N, 3, H, W] in [-1, 1].
        rng: Draws the strengths.
        noise: Draws noise (on the CPU).
    """
    count = len(pictures)

    def strength(most: float) -> Tensor:
        drawn = most * rng.random((count, 1, 1, 1)) * (rng.random((count, 1, 1, 1)) < 0.6)
        return torch.from_numpy(drawn).float().to(pictures.device)

    def field(*shape: int) -> Tensor:
        return torch.randn((count, *shape), generator=noise).to(pictures.device)

    size = tuple(pictures.shape[-2:])
    bends = F.interpolate(field(2, 6, 6), size, mode="bilinear", align_corners=True).clamp_(-2, 2)
    pictures = _warped(pictures, strength(1.0 / size[0]) * bends)
    soft = F.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    pictures = pictures.lerp(F.avg_pool2d(soft, 3, 1, 1, count_include_pad=False), strength(1.0))
    blotches = F.interpolate(field(3, size[0] // 8, size[1] // 8), size, mode="bilinear", align_corners=False)
    pictures = pictures + strength(0.2) * blotches + strength(0.12) * field(3, *size)
    signs = torch.from_numpy(rng.uniform(-1, 1, (count, 4, 1, 1))).float().to(pictures.device)
    pictures = pictures * (1 + strength(0.2) * signs[:, :1]) + strength(0.1) * signs[:, 1:]
    return pictures.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def _warped(pictures: Tensor, shifts: Tensor) -> Tensor:
    """Pictures whose pixels are taken from places shifted by [N, 2, H, W] (in half picture sides)."""
    identity = torch.eye(2, 3, device=pictures.device).expand(len(pictures), 2, 3)
    grid = F.affine_grid(identity, list(pictures.shape), align_corners=False)
    return F.grid_sample(
        pictures,
        grid + shifts.permute(0, 2, 3, 1),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )


def _grounding(scene: Scene, rng: np.random.Generator) -> Grounding:
    return Grounding(
        tuple(phrase(thing, rng) for thing in scene.things),
        tuple(thing.box for thing in scene.things),
        scene.background,
    )
