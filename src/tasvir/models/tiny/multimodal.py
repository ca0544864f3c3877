"""Tiny multimodal models with random weights, saved as real ones are: they read pictures and answer in
noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    Gemma3Processor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

WIDTH = 32
_GEMMA = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
_QWEN = {
    "vision_bos_token": "<|vision_start|>",
    "image_token": "<|image_pad|>",
    "vision_eos_token": "<|vision_end|>",
    "video_token": "<|video_pad|>",
}
_TEMPLATE = (
    "{% for message in messages %}<turn>{{ message.role }}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}IMAGE{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}</turn>{% endfor %}{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)
"""A conversation in a form of our own; IMAGE stands for what a family puts where a picture is shown."""


def save_gemma3(folder: Path, seed: int = 0) -> Path:
    """Save a tiny Gemma 3: pictures of 28 x 28 pixels become 4 tokens.

    Args:
        folder: Made where need be.
        seed: Of the weights.

    Returns:
        The folder.
    """
    tokenizer = _tokenizer(_GEMMA, _TEMPLATE.replace("IMAGE", _GEMMA["boi_token"]))
    config = Gemma3Config(
        text_config={**_text(tokenizer), "head_dim": 8, "sliding_window": 64},
        vision_config={
            "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": 28, "patch_size": 7,
        },
        mm_tokens_per_image=4, tie_word_embeddings=False,
        image_token_id=tokenizer.image_token_id, boi_token_id=tokenizer.boi_token_id,
        eoi_token_id=tokenizer.eoi_token_id, image_token_index=tokenizer.image_token_id,
    )  # fmt: skip
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 28, "width": 28}),
        tokenizer=tokenizer, image_seq_length=4, chat_template=tokenizer.chat_template,
    )  # fmt: skip
    _save(Gemma3ForConditionalGeneration, config, tokenizer, seed, folder)
    processor.save_pretrained(folder)
    return folder


def save_qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    """Save a tiny Qwen2.5-VL: a token for every 28 x 28 pixels of a picture.

    Args:
        folder: Made where need be.
        seed: Of the weights.

    Returns:
        The folder.
    """
    shown = "".join(_QWEN[name] for name in ("vision_bos_token", "image_token", "vision_eos_token"))
    tokenizer = _tokenizer(_QWEN, _TEMPLATE.replace("IMAGE", shown))
    config = Qwen2_5_VLConfig(
        text_config={**_text(tokenizer), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1,
        1]}}, vision_config={
            "depth": 2, "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_heads": 2,
            "out_hidden_size": WIDTH, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
            "window_size": 56, "fullatt_block_indexes": [1],
        },
        image_token_id=tokenizer.image_token_id, video_token_id=tokenizer.video_token_id,
        vision_start_token_id=tokenizer.vision_bos_token_id,
        vision_end_token_id=tokenizer.vision_eos_token_id,
    )  # fmt: skip
    _save(Qwen2_5_VLForConditionalGeneration, config, tokenizer, seed, folder)
    sizes = {"shortest_edge": 28 * 28, "longest_edge": 112 * 112}
    Qwen2VLImageProcessorPil(size=sizes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(specials: dict[str, str], template: str) -> PreTrainedTokenizerFast:
    """Bytes without merges, as in `tasvir.models.tiny.parts.tokenizer`, and the tokens that frame
    pictures."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ("<pad>", "<bos>", "<eos>", *specials.values())
    vocabulary = {token: number for number, token in enumerate([*names, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>",
        extra_special_tokens=specials, chat_template=template,
    )  # fmt: skip


def _text(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer), "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip


def _save(kind: type[Any], config: Any, tokenizer: PreTrainedTokenizerFast, seed: int, folder: Path) -> None:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = kind(config).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:  # at the usual spread of 0.02 a picture would hardly sway the answer
                torch.nn.init.normal_(parameter, std=0.3)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
