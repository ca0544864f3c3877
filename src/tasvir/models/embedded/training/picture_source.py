"""Pictures for networks that must read a generator's pictures: half clean scenes, half with its faults.

Artefact pictures come from a pool that a resumed run fills anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.embedded.training.artefacts import ArtefactPool, distort
from tasvir.models.embedded.training.autoencoder import load
from tasvir.models.embedded.training.pixels import to_tensor
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Scene

CLEAN, POOLED = 0.5, 0.35
"""Shares of a batch: clean renders, and pictures of the pool; the rest are distorted renders."""

FIRST_POOL, REFRESH_EVERY = 64, 5
"""The pool grows by a part every step until it has so many pictures, then every so many steps."""

DISTORT_POOLED = 0.3
"""Share of the pool's pictures that are distorted as well."""


class PictureSource:
    """Batches of pictures with their scenes.

    Args:
        device: Where the networks run.
        vae: Folder of a trained autoencoder; None = that of the pipeline.
        pipeline: Folder of a trained generator; None = no redrawn pictures.
    """

    def __init__(self, device: torch.device, vae: Path | None, pipeline: Path | None) -> None:
        self.device = device
        self.pool = _pool(device, vae, pipeline)
        self.calls = 0

    def draw(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[list[Scene], Tensor]:
        """``batch`` scenes and their pictures in [-1, 1], [batch, 3, 128, 128]."""
        self.calls += 1
        if len(self.pool.scenes) < FIRST_POOL or self.calls % REFRESH_EVERY == 0:
            self.pool.refresh(rng, noise)
        pooled_scenes, pooled = self.pool.draw(rng, round(POOLED * batch))
        scenes = [sample_scene(rng) for _ in range(batch - len(pooled))]
        pixels = np.stack([*pooled, *(render(scene) for scene in scenes)])
        pictures = to_tensor(pixels, self.device).contiguous(memory_format=torch.channels_last)
        first, last = round((1 - DISTORT_POOLED) * len(pooled)), batch - round(CLEAN * batch)
        if last > first:
            pictures[first:last] = distort(pictures[first:last], rng, noise)
        return [*pooled_scenes, *scenes], pictures


def _pool(device: torch.device, vae: Path | None, pipeline: Path | None) -> ArtefactPool:
    generator = None
    if pipeline is not None:
        generator = EmbeddedLayoutPipeline.from_pretrained(
            str(pipeline), local_files_only=True, use_safetensors=True
        )
        generator.to(device, torch.float32)
    coder = None if generator is None else generator.vae
    if vae is not None:
        coder = load(vae)
    if coder is not None:
        coder = coder.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    return ArtefactPool(coder, generator, device)
