"""Tiny detectors, depth estimators and backbones with random weights, saved as real ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessorPil,
    Dinov2Config,
    Dinov2Model,
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessorPil,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
    OwlViTConfig,
    OwlViTForObjectDetection,
    OwlViTImageProcessorPil,
    OwlViTProcessor,
    PreTrainedTokenizerFast,
    ResNetConfig,
    SwinConfig,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessorPil,
)

from tasvir.models.quiet import quiet
from tasvir.models.tiny.parts import tokenizer

_TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_SQUARE = {"height": 32, "width": 32}


def save_owlvit(folder: Path, seed: int = 0) -> Path:
    """Save a tiny OWL-ViT, which looks for words of at most 16 letters.

    Args:
        folder: Made where need be.
        seed: Of the weights.

    Returns:
        The folder.
    """
    tokens = {"vocab_size": 514, "bos_token_id": 512, "eos_token_id": 513, "pad_token_id": 0}
    config = OwlViTConfig(
        text_config={**_TOWER, **tokens, "max_position_embeddings": 24},
        vision_config={**_TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=32,
    )
    pictures = OwlViTImageProcessorPil(size=_SQUARE, crop_size=_SQUARE)
    return _save(
        folder, seed, lambda: OwlViTForObjectDetection(config), OwlViTProcessor(pictures, tokenizer())
    )


def save_grounding_dino(folder: Path, seed: int = 0) -> Path:
    """Save a tiny Grounding DINO that reads the words "dog", "red", "car" and "boat"; see `save_owlvit`."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", "dog", "red", "car", "boat"]
    reader = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    reader.normalizer = Lowercase()
    reader.pre_tokenizer = BertPreTokenizer()
    reader.post_processor = TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    texts = PreTrainedTokenizerFast(
        tokenizer_object=reader, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=64,
    )  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1],
            window_size=2, out_features=["stage2", "stage3", "stage4"],
        ),
        text_config={
            "model_type": "bert", "vocab_size": len(words), "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64,
        },
        backbone=None, use_timm_backbone=False, use_pretrained_backbone=False, d_model=32,
        encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=10, max_text_len=16,
    )  # fmt: skip
    pictures = GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96})
    processor = GroundingDinoProcessor(pictures, texts)
    return _save(folder, seed, lambda: GroundingDinoForObjectDetection(config), processor)


def save_detr(folder: Path, seed: int = 0) -> Path:
    """Save a tiny DETR that knows the classes "dog", "car" and "traffic light"; see `save_owlvit`."""
    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
        out_features=["stage4"], layer_type="basic",
    )  # fmt: skip
    config = DetrConfig(
        backbone_config=backbone, use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=6,
        id2label={0: "dog", 1: "car", 2: "traffic light"},
    )  # fmt: skip
    pictures = DetrImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96})
    return _save(folder, seed, lambda: DetrForObjectDetection(config), pictures)


def save_dpt(folder: Path, seed: int = 0) -> Path:
    """Save a tiny DPT; see `save_owlvit`."""
    config = DPTConfig(
        **{**_TOWER, "num_hidden_layers": 4}, image_size=32, patch_size=8, backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=8, is_hybrid=False,
    )  # fmt: skip
    pictures = DPTImageProcessorPil(size=_SQUARE, keep_aspect_ratio=False)
    return _save(folder, seed, lambda: DPTForDepthEstimation(config), pictures)


def save_dinov2(folder: Path, seed: int = 0) -> Path:
    """Save a tiny DINOv2, 32 features a picture; see `save_owlvit`."""
    config = Dinov2Config(**{**_TOWER, "mlp_ratio": 2}, image_size=32, patch_size=8)
    return _save(folder, seed, lambda: Dinov2Model(config), ViTImageProcessorPil(size=_SQUARE))


def save_vit_classifier(folder: Path, seed: int = 0) -> Path:
    """Save a tiny ViT that tells four classes apart; see `save_owlvit`."""
    config = ViTConfig(**_TOWER, image_size=32, patch_size=8, num_labels=4)
    return _save(folder, seed, lambda: ViTForImageClassification(config), ViTImageProcessorPil(size=_SQUARE))


def _save(folder: Path, seed: int, build: Callable[[], Any], processor: Any) -> Path:
    with torch.random.fork_rng(devices=()), quiet():
        torch.manual_seed(seed)
        build().save_pretrained(folder)
        processor.save_pretrained(folder)
    return folder
