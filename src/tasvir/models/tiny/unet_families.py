"""Tiny text-to-image models with a U-Net: Stable Diffusion 1, 2 and XL."""

from __future__ import annotations

from typing import Any

from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

from tasvir.models.tiny import parts


def stable_diffusion(**changes: Any) -> StableDiffusionPipeline:
    """Stable Diffusion 1.x: CLIP text, noise prediction; ``changes`` stand in for parts."""
    given: dict[str, Any] = {
        "vae": parts.autoencoder(), "text_encoder": parts.text_encoder(), "tokenizer": parts.tokenizer(),
        "unet": parts.unet(), "scheduler": parts.scheduler(), "safety_checker": None,
        "feature_extractor": None, "requires_safety_checker": False,
    }  # fmt: skip
    return StableDiffusionPipeline(**{**given, **changes})


def stable_diffusion_2() -> StableDiffusionPipeline:
    """Stable Diffusion 2.x: a wider text encoder of another activation, linear projections, v-prediction."""
    return stable_diffusion(
        text_encoder=parts.text_encoder(48, hidden_act="gelu"),
        unet=parts.unet(48, use_linear_projection=True),
        scheduler=parts.scheduler(prediction_type="v_prediction"),
    )


def stable_diffusion_with_safety_checker(blocks: bool = False) -> StableDiffusionPipeline:
    """Stable Diffusion with a safety checker that blocks everything, or nothing.

    The checker compares a picture's embedding with those of concepts; thresholds of -2 and 2 are below and
    above every cosine.
    """
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
        "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=32)
    checker = StableDiffusionSafetyChecker(config).eval()
    for name in ("concept_embeds", "special_care_embeds"):
        getattr(checker, name).data.normal_()
        getattr(checker, f"{name}_weights").data.fill_(-2.0 if blocks else 2.0)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return stable_diffusion(safety_checker=checker, feature_extractor=processor, requires_safety_checker=True)


def stable_diffusion_xl() -> StableDiffusionXLPipeline:
    """SDXL: two text encoders side by side, pooled text, picture size as a condition."""
    width, size_width = parts.WIDTH, 8
    unet = parts.unet(
        2 * width,
        addition_embed_type="text_time",
        addition_time_embed_dim=size_width,
        projection_class_embeddings_input_dim=width + 6 * size_width,
        transformer_layers_per_block=1,
        use_linear_projection=True,
    )
    return StableDiffusionXLPipeline(
        vae=parts.autoencoder(),
        text_encoder=parts.text_encoder(),
        text_encoder_2=parts.projected_text_encoder(),
        tokenizer=parts.tokenizer(),
        tokenizer_2=parts.tokenizer(),
        unet=unet,
        scheduler=parts.scheduler(),
        add_watermarker=False,
    )
