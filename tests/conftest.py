"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

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
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model by its family (see `tasvir.models.tiny.families`); not to be changed."""
    from tasvir.models.tiny.families import write

    root = tmp_path_factory.mktemp("tiny")

    def folder(family: str) -> Path:
        if not (root / family).exists():
            write(family, root / family)
        return root / family

    return folder
