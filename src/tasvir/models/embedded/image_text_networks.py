"""The embedded encoder, answerer and captioner: CLIP and BLIP of transformers, small, with fresh weights.

They are public architectures in the public file layout, so that the code that loads a public checkpoint loads
them too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn
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
    CLIPTextConfig,
    CLIPVisionConfig,
)

from tasvir.models.embedded.words import BEGIN, END, PAD, table, tokenizer
from tasvir.models.quiet import quiet

SIDE, PATCH = 128, 16
WIDTH, DEPTH, HEADS = 192, 6, 4
"""Of the vision towers."""
TEXT_WIDTH = 128
"""Of the encoder's text tower and the captioner; the answerer's is the vision tower's (BLIP wants that)."""
LONGEST_CAPTION, LONGEST_QUESTION = 64, 80
"""Most tokens of a text, begin and end counted."""


def new_encoder() -> CLIPModel:
    """CLIP (Radford et al. 2021) with 64 patches and three layers over words."""
    text = CLIPTextConfig(
        vocab_size=len(table()), hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=LONGEST_CAPTION,
        projection_dim=TEXT_WIDTH, hidden_act="gelu", bos_token_id=BEGIN, eos_token_id=END, pad_token_id=PAD,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
        image_size=SIDE, patch_size=PATCH, projection_dim=TEXT_WIDTH, hidden_act="gelu",
    )  # fmt: skip
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=TEXT_WIDTH))


def new_answerer() -> BlipForQuestionAnswering:
    """BLIP for questions (Li et al. 2022): words look at patches in three layers, the answer at the words."""
    return BlipForQuestionAnswering(_blip(WIDTH, WIDTH, LONGEST_QUESTION, depth=3))


def new_captioner() -> BlipForConditionalGeneration:
    """BLIP for captions (Li et al. 2022): two layers that write while they look at the patches."""
    return BlipForConditionalGeneration(_blip(TEXT_WIDTH, 4 * TEXT_WIDTH, LONGEST_CAPTION, depth=2))


def save_encoder(network: CLIPModel, folder: Path) -> None:
    """Write a CLIP in half precision with its processor, as transformers lays models out."""
    looks = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, **_RANGE
    )
    _save(network, CLIPProcessor(looks, tokenizer(LONGEST_CAPTION)), folder)


def save_blip(
    network: BlipForQuestionAnswering | BlipForConditionalGeneration, longest: int, folder: Path
) -> None:
    """Write a BLIP in half precision with its processor; ``longest`` counts a text's tokens."""
    looks = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}, **_RANGE)
    _save(network, BlipProcessor(looks, tokenizer(longest)), folder)


_RANGE = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
"""Pixels from -1 to 1, as in training."""


def _save(network: Any, processor: Any, folder: Path) -> None:
    with quiet():
        network.half().save_pretrained(folder)
        processor.save_pretrained(folder)
    network.float()


def mask_crossed(model: nn.Module) -> None:
    """Let a BLIP text model's cross-attention heed its mask: transformers 5.23 loses it on the way.

    Without it an answer depends on the padding of its question. Training pads; who only asks can put
    questions of one length together instead.
    """

    def heed(
        _module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        return arguments, {**named, "encoder_attention_mask": named["attention_mask"]}

    for name, module in model.named_modules():
        if name.endswith("crossattention.self"):
            module.register_forward_pre_hook(heed, with_kwargs=True)


def _blip(width: int, inner: int, longest: int, depth: int) -> BlipConfig:
    text = BlipTextConfig(
        vocab_size=len(table()), hidden_size=width, intermediate_size=inner, num_hidden_layers=depth,
        num_attention_heads=4, max_position_embeddings=longest, projection_dim=width,
        bos_token_id=BEGIN, eos_token_id=END, sep_token_id=END, pad_token_id=PAD, encoder_hidden_size=WIDTH,
    )  # fmt: skip
    vision = BlipVisionConfig(
        hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
        image_size=SIDE, patch_size=PATCH, projection_dim=width, initializer_range=0.02,
    )  # fmt: skip
    return BlipConfig(
        text_config=text, vision_config=vision, projection_dim=width, image_text_hidden_size=width
    )
