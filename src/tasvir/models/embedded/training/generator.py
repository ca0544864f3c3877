"""Training the layout-grounded generator: v-prediction on latents of fresh scenes.

Text and layout are dropped at random, so that one network draws with both, either or neither.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from torch import Tensor, nn

from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
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

FULL_PHRASES = 0.6
"""Share of layouts whose phrases say everything; the others leave out what people leave out."""


class GeneratorTask:
    """Denoise latents of scenes under their caption and layout."""

    name = "generator"
    lr = 1.5e-3
    batch = 48

    def __init__(self, device: torch.device, seed: int, vae: EmbeddedAutoencoder) -> None:
        torch.manual_seed(seed)
        self.device = device
        self.vae = vae.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self.text_encoder = EmbeddedTextEncoder(vocabulary=tuple(sorted(VOCABULARY)))
        self.denoiser = LayoutTransformer()
        self.models = nn.ModuleDict({"text_encoder": self.text_encoder, "denoiser": self.denoiser}).to(device)
        self.alphas = DDPMScheduler(**SCHEDULE).alphas_cumprod.to(device)

    def network(self) -> nn.Module:
        return self.models

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        latents, prompts, groundings = self._data(rng, max(batch // DRAWS, 1))
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
        errors = (predicted.float() - target).square().mean((1, 2, 3))
        grounded = box_mask[:, 1:].any(1)
        figures = {"loss": float(errors.detach().mean())}
        for name, chosen in (("with_layout", grounded), ("text_only", ~grounded)):
            if chosen.any():
                figures[name] = float(errors.detach()[chosen].mean())
        return errors.mean(), figures

    def _data(self, rng: np.random.Generator, count: int) -> tuple[Tensor, list[str], list[Grounding]]:
        """Latents [count * DRAWS, 16, 16, 16] with prompts and layouts, dropped for each draw on its own."""
        scenes = [sample_scene(rng) for _ in range(count)]
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
        return latents.repeat(DRAWS, 1, 1, 1), prompts, groundings

    def finish(self, out: Path) -> None:
        """Save the whole pipeline in diffusers' layout, fp16, with the card's figures."""
        scheduler = DPMSolverMultistepScheduler(**SCHEDULE, lambda_min_clipped=-5.1)
        pipeline = EmbeddedLayoutPipeline(self.vae, self.text_encoder, self.denoiser, scheduler)
        pipeline.to(torch.float16).save_pretrained(out / "pipeline")
        pipeline.to(torch.float32)
        count = sum(parameter.numel() for parameter in self.models.parameters())
        (out / "figures.json").write_text(json.dumps({"parameters": count}, indent=2), "utf-8")


def _grounding(scene: Scene, rng: np.random.Generator) -> Grounding:
    background = None if rng.random() < DROP_BACKGROUND else scene.background
    style = None if rng.random() < FULL_PHRASES else rng
    phrases = tuple(phrase(thing, style) for thing in scene.things)
    return Grounding(phrases, tuple(thing.box for thing in scene.things), background)
