"""Training the layout-grounded generator: v-prediction on latents of fresh scenes.

Text and layout are dropped at random, so that one network draws with both, either or neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from numpy.typing import NDArray
from torch import Tensor, nn

from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
from tasvir.models.embedded.clip_text import ClipTextEncoder
from tasvir.models.embedded.conditioning import Grounding, tokenize
from tasvir.models.embedded.denoiser import LayoutTransformer
from tasvir.models.embedded.layout_pipeline import SCHEDULE, EmbeddedLayoutPipeline
from tasvir.models.embedded.text import EmbeddedTextEncoder
from tasvir.models.embedded.training.pixels import to_tensor
from tasvir.world.captions import VOCABULARY, caption, phrase
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Scene

DRAWS = 2
"""Noise draws a scene: encoding and captioning are paid once for both."""

DROP_LAYOUT, DROP_TEXT_WITH_LAYOUT, DROP_TEXT_ALONE, DROP_BACKGROUND = 0.35, 0.25, 0.15, 0.3

WEIGHT_BACKDROP, WEIGHT_MOST = 0.5, 6.0
"""Weight in the loss of latent cells without a thing, and the most that one over the root of a thing's area
adds twice: a small thing counts in predicates as much as a large one, and more than the backdrop."""

FULL_PHRASES = 0.6
"""Share of layouts whose phrases say everything; the others leave out what people leave out."""


class GeneratorTask:
    """Denoise latents of scenes under their caption and layout."""

    name = "generator"
    lr = 1.5e-3
    batch = 48

    def __init__(
        self,
        device: torch.device,
        seed: int,
        vae: EmbeddedAutoencoder,
        clip: Path | None = None,
        background: str | None = None,
    ) -> None:
        """``clip``: folder of a CLIP whose frozen text tower reads in place of an encoder of its own.
        ``background``: train on scenes before this one alone."""
        torch.manual_seed(seed)
        self.device = device
        self.vae = vae.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self.background = background
        self.text_encoder: EmbeddedTextEncoder | ClipTextEncoder
        if clip is None:
            self.text_encoder = EmbeddedTextEncoder(vocabulary=tuple(sorted(VOCABULARY)))
        else:
            self.text_encoder = ClipTextEncoder.from_clip(clip)
        self.denoiser = LayoutTransformer()
        self.models = nn.ModuleDict({"text_encoder": self.text_encoder, "denoiser": self.denoiser}).to(device)
        self.alphas = DDPMScheduler(**SCHEDULE).alphas_cumprod.to(device)

    def network(self) -> nn.Module:
        return self.models

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        latents, weight, prompts, groundings = self._data(rng, max(batch // DRAWS, 1))
        condition = tokenize(self.text_encoder, prompts, groundings)
        text, text_mask = self.text_encoder.encode_prompts(condition.prompts.to(self.device))
        phrases = self.text_encoder.encode_phrases(condition.phrases.to(self.device))
        timesteps = (torch.sigmoid(0.3 + 1.2 * torch.randn(len(latents), generator=noise)) * 1000).long()
        timesteps = timesteps.clamp_(0, 999).to(self.device)
        eps = torch.randn(latents.shape, generator=noise).to(self.device)
        kept = self.alphas[timesteps].view(-1, 1, 1, 1)
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * eps
        target = kept.sqrt() * eps - (1 - kept).sqrt() * latents
        boxes, box_mask = condition.boxes.to(self.device), condition.box_mask.to(self.device)
        predicted = self.denoiser(noisy, timesteps, text, text_mask, phrases, boxes, box_mask)
        squares = (predicted.float() - target).square()
        errors = squares.mean((1, 2, 3))
        grounded = box_mask[:, 1:].any(1)
        figures = {"loss": float(errors.detach().mean())}
        for name, chosen in (("with_layout", grounded), ("text_only", ~grounded)):
            if chosen.any():
                figures[name] = float(errors.detach()[chosen].mean())
        return (squares * weight).mean(), figures

    def _data(
        self, rng: np.random.Generator, count: int
    ) -> tuple[Tensor, Tensor, list[str], list[Grounding]]:
        """Latents [count * DRAWS, 16, 16, 16], weights of their cells [count * DRAWS, 1, 16, 16], prompts and
        layouts, dropped for each draw on its own."""
        scenes = [self._scene(rng) for _ in range(count)]
        pictures = to_tensor(np.stack([render(scene) for scene in scenes]), self.device)
        with torch.no_grad():
            latents = self.vae.encode(pictures).float()
        prompts, groundings = [], []
        for _ in range(DRAWS):
            for scene in scenes:
                whole = rng.random() >= DROP_LAYOUT
                drop = DROP_TEXT_WITH_LAYOUT if whole else DROP_TEXT_ALONE
                prompts.append("" if rng.random() < drop else caption(scene, rng)[0])
                groundings.append(_grounding(scene, rng) if whole else Grounding())
        weight = torch.from_numpy(cell_weights(scenes, latents.shape[-1])).to(self.device)
        return latents.repeat(DRAWS, 1, 1, 1), weight.repeat(DRAWS, 1, 1, 1), prompts, groundings

    def _scene(self, rng: np.random.Generator) -> Scene:
        while True:
            scene = sample_scene(rng)
            if self.background in (None, scene.background):
                return scene

    def finish(self, out: Path) -> None:
        """Save the whole pipeline in diffusers' layout, fp16, with the card's figures."""
        scheduler = DPMSolverMultistepScheduler(**SCHEDULE, lambda_min_clipped=-5.1)
        pipeline = EmbeddedLayoutPipeline(self.vae, self.text_encoder, self.denoiser, scheduler)
        pipeline.to(torch.float16).save_pretrained(out / "pipeline")
        pipeline.to(torch.float32)
        count = sum(parameter.numel() for parameter in self.models.parameters())
        (out / "figures.json").write_text(json.dumps({"parameters": count}, indent=2), "utf-8")


def cell_weights(scenes: Sequence[Scene], grid: int) -> NDArray[np.float32]:
    """Weights of latent cells in the loss, [N, 1, grid, grid], mean 1 over each picture.

    A cell weighs WEIGHT_BACKDROP, and with a thing's box over its centre half of one over the root of the
    box's area more (of the smallest box over it; at most half of WEIGHT_MOST).
    """
    centers = (np.arange(grid) + 0.5) / grid
    weights = np.full((len(scenes), 1, grid, grid), WEIGHT_BACKDROP, np.float32)
    for index, scene in enumerate(scenes):
        for x0, y0, x1, y1 in (thing.box for thing in scene.things):
            extra = 0.5 * min(((x1 - x0) * (y1 - y0)) ** -0.5, WEIGHT_MOST)
            covered = np.outer((centers > y0) & (centers < y1), (centers > x0) & (centers < x1))
            cells = weights[index, 0]
            cells[covered] = np.maximum(cells[covered], WEIGHT_BACKDROP + extra)
    weights /= weights.mean((2, 3), keepdims=True)
    return weights


def _grounding(scene: Scene, rng: np.random.Generator) -> Grounding:
    background = None if rng.random() < DROP_BACKGROUND else scene.background
    style = None if rng.random() < FULL_PHRASES else rng
    phrases = tuple(phrase(thing, style) for thing in scene.things)
    return Grounding(phrases, tuple(thing.box for thing in scene.things), background)
