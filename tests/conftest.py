"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # on tensors this small, threads cost more than they give

if TYPE_CHECKING:
    from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline

settings.register_profile("tasvir", deadline=None, derandomize=True)  # a busy machine is no failure
settings.load_profile("tasvir")

WORDS = ("a", "ball", "blue", "car", "dog", "left", "of", "park", "red")


@pytest.fixture(scope="session")
def tiny_pipeline() -> EmbeddedLayoutPipeline:
    """The embedded pipeline with a few thousand random weights; a test that changes it puts it back."""
    import torch
    from diffusers import DPMSolverMultistepScheduler
    from torch import nn

    from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
    from tasvir.models.embedded.denoiser import LayoutTransformer
    from tasvir.models.embedded.layout_pipeline import SCHEDULE, EmbeddedLayoutPipeline
    from tasvir.models.embedded.text import EmbeddedTextEncoder

    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        vae = EmbeddedAutoencoder(
            channels=4, width=8, shift=(0.1, -0.2, 0.0, 0.3), spread=(0.8, 1.2, 1.0, 0.9)
        )
        encoder = EmbeddedTextEncoder(vocabulary=WORDS, width=64, depth=1)
        denoiser = LayoutTransformer(channels=4, width=64, depth=2, heads=1, text_width=64)
        for layer in (denoiser.final_modulation, denoiser.patch_out, *denoiser.dense_again):
            nn.init.normal_(layer.weight, std=0.2)  # they start at zero, and all pictures would be alike
    scheduler = DPMSolverMultistepScheduler(**SCHEDULE, lambda_min_clipped=-5.1)
    pipeline = EmbeddedLayoutPipeline(vae.eval(), encoder.eval(), denoiser.eval(), scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="session")
def tiny_v1() -> Any:
    """Stable Diffusion in the manner of version 1, a thousandth of its size: predicts the noise."""
    return _stable_diffusion(width=32, heads=4, merges=[], prediction_type="epsilon")


@pytest.fixture(scope="session")
def tiny_v2() -> Any:
    """In the manner of version 2: a wider text encoder, other words, predicts v."""
    return _stable_diffusion(width=64, heads=8, merges=[("c", "a"), ("ca", "r</w>")], prediction_type="v_prediction")


def _stable_diffusion(width: int, heads: int, merges: list[tuple[str, str]], prediction_type: str) -> Any:
    import torch
    from diffusers import StableDiffusionPipeline
    from transformers import CLIPTokenizer

    from tasvir.models.quiet import quiet
    from tasvir.models.tiny import parts

    entries = {**parts.tokenizer().get_vocab()}
    entries |= {"".join(pair): len(entries) + index for index, pair in enumerate(merges)}
    tokenizer = CLIPTokenizer(vocab=entries, merges=merges, model_max_length=77)
    with torch.random.fork_rng(devices=()), quiet():
        torch.manual_seed(0)
        pipeline = StableDiffusionPipeline(
            parts.autoencoder(),
            parts.text_encoder(width, vocab_size=len(entries), num_attention_heads=heads),
            tokenizer,
            parts.unet(cross_attention_dim=width, attention_head_dim=heads),
            parts.scheduler(prediction_type=prediction_type),
            None,
            None,
            requires_safety_checker=False,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
