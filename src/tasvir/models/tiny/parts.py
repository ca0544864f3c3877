"""The parts that tiny pipelines are put together from; random by the global torch seed."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WIDTH = 32
"""Width of text encoders and cross-attention."""
SIDE = 64
"""Native side in pixels: latents of 8 x 8 behind an autoencoder that shrinks 8 times."""


def tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer over bytes without merges: every text is readable, one token a byte.

    Returns:
        514 entries: 256 bytes, the same 256 ending a word, begin and end of text; 77 tokens at most.
    """
    letters = byte_letters()
    entries = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={entry: i for i, entry in enumerate(entries)}, merges=[], model_max_length=77)


def byte_letters() -> list[str]:
    """GPT-2's 256 printable stand-ins for bytes (Radford et al. 2019)."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [value for value in range(256) if value not in kept]
    return [chr(value) for value in kept] + [chr(256 + index) for index in range(len(others))]


def text_config(width: int = WIDTH, **changes: Any) -> CLIPTextConfig:
    """A CLIP text encoder of two layers for `tokenizer`."""
    settings = {
        "vocab_size": 514, "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2,
        "num_attention_heads": 4, "projection_dim": width, "bos_token_id": 512, "eos_token_id": 513,
        "pad_token_id": 513, "max_position_embeddings": 77,
    }  # fmt: skip
    return CLIPTextConfig(**{**settings, **changes})


def text_encoder(width: int = WIDTH, **changes: Any) -> CLIPTextModel:
    return CLIPTextModel(text_config(width, **changes)).eval()


def projected_text_encoder(width: int = WIDTH, **changes: Any) -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(text_config(width, **changes)).eval()


def autoencoder(latent_channels: int = 4, levels: int = 4, **changes: Any) -> AutoencoderKL:
    """A KL autoencoder that shrinks 2 ** (levels - 1) times."""
    settings: dict[str, Any] = {
        "block_out_channels": (8, 8, 16, 16)[:levels], "norm_num_groups": 4, "layers_per_block": 1,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": latent_channels, "sample_size": SIDE,
    }  # fmt: skip
    return AutoencoderKL(**{**settings, **changes}).eval()


def unet(cross_attention_dim: int = WIDTH, in_channels: int = 4, **changes: Any) -> UNet2DConditionModel:
    """A conditional U-Net of two levels on latents of 8 x 8."""
    settings: dict[str, Any] = {
        "block_out_channels": (16, 32), "layers_per_block": 1, "norm_num_groups": 8, "sample_size": 8,
        "in_channels": in_channels, "out_channels": 4, "cross_attention_dim": cross_attention_dim,
        "attention_head_dim": 4, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }  # fmt: skip
    return UNet2DConditionModel(**{**settings, **changes}).eval()


def scheduler(**changes: Any) -> DDIMScheduler:
    """Stable Diffusion's own schedule."""
    settings: dict[str, Any] = {
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False,
        "set_alpha_to_one": False, "steps_offset": 1,
    }  # fmt: skip
    return DDIMScheduler(**{**settings, **changes})
