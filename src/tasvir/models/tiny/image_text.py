"""Tiny CLIP and BLIP with random weights, saved as real ones are: what loads them loads the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForQuestionAnswering,
    BlipImageProcessorPil,
    BlipProcessor,
    BlipTextConfig,
    BlipVisionConfig,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
)

from tasvir.models.embedded.words import BEGIN, END, PAD, table, tokenizer
from tasvir.models.tiny import parts

WIDTH, SIDE, PATCH = 32, 32, 8


def save_clip(folder: Path, seed: int = 0) -> Path:
    """Save a tiny CLIP: pictures of 32 x 32 pixels, texts of 77 bytes, vectors of 32 numbers.

    Args:
        folder: Made where need be.
        seed: Of the weights.

    Returns:
        The folder.
    """
    vision = {
        "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2, "image_size": SIDE,
        "num_attention_heads": 4, "patch_size": PATCH, "projection_dim": WIDTH,
    }  # fmt: skip
    config = CLIPConfig(text_config=parts.text_config().to_dict(), vision_config=vision, projection_dim=WIDTH)
    looks = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    _save(CLIPModel, config, CLIPProcessor(looks, parts.tokenizer()), folder, seed)
    return folder


def save_captioner(folder: Path, seed: int = 0) -> Path:
    """Save a tiny BLIP that captions in the words of the picture world; see `save_clip`."""
    _save(BlipForConditionalGeneration, _blip(), _blip_processor(), folder, seed)
    return folder


def save_answerer(folder: Path, seed: int = 0) -> Path:
    """Save a tiny BLIP that answers in the words of the picture world; see `save_clip`."""
    _save(BlipForQuestionAnswering, _blip(), _blip_processor(), folder, seed)
    return folder


def _blip() -> BlipConfig:
    text = BlipTextConfig(
        vocab_size=len(table()), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=48, bos_token_id=BEGIN, eos_token_id=END,
        sep_token_id=END, pad_token_id=PAD,
    )  # fmt: skip
    vision = BlipVisionConfig(
        hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2, num_attention_heads=4,
        image_size=SIDE, patch_size=PATCH, initializer_range=0.02,
    )  # fmt: skip
    return BlipConfig(text_config=text, vision_config=vision)


def _blip_processor() -> BlipProcessor:
    words: PreTrainedTokenizerFast = tokenizer(48)
    return BlipProcessor(BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}), words)


def _save(kind: Any, config: Any, processor: Any, folder: Path, seed: int) -> None:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = kind(config)
        for parameter in network.parameters():  # the library's own start is too even for different answers
            if parameter.ndim >= 2:
                torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
