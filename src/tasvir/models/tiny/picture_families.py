"""Tiny models that read pictures: depth, upscaling, inpainting, variations, and CLIP with an autoencoder."""

from __future__ import annotations

from typing import Any

from diffusers import (
    DDPMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionDepth2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionLatentUpscalePipeline,
    StableDiffusionUpscalePipeline,
    StableUnCLIPImg2ImgPipeline,
    UnCLIPImageVariationPipeline,
)
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessor,
)

from tasvir.models.clip_latent import ClipLatentPipeline
from tasvir.models.hub.moved import old_names
from tasvir.models.tiny import parts
from tasvir.models.tiny.prior_families import unclip
from tasvir.models.tiny.unet_families import stable_diffusion_with_safety_checker

EYE = 32
"""Side in pixels that the tiny picture encoders see."""


def vision_config(width: int = parts.WIDTH) -> CLIPVisionConfig:
    """A CLIP picture encoder of two layers on 4 x 4 patches."""
    return CLIPVisionConfig(
        hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2, num_attention_heads=4,
        image_size=EYE, patch_size=8, projection_dim=width,
    )  # fmt: skip


def image_processor() -> CLIPImageProcessor:
    return CLIPImageProcessor(size={"shortest_edge": EYE}, crop_size={"height": EYE, "width": EYE})


def _clip_config() -> CLIPConfig:
    return CLIPConfig(
        text_config=parts.text_config().to_dict(),
        vision_config=vision_config().to_dict(),
        projection_dim=parts.WIDTH,
    )


def depth() -> StableDiffusionDepth2ImgPipeline:
    """Stable Diffusion 2 with a depth map as fifth channel, and the estimator of it."""
    config = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=4, intermediate_size=32, image_size=EYE,
        patch_size=8, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16, is_hybrid=False, reassemble_factors=[4, 2, 1, 0.5],
    )  # fmt: skip
    return StableDiffusionDepth2ImgPipeline(
        vae=parts.autoencoder(),
        text_encoder=parts.text_encoder(),
        tokenizer=parts.tokenizer(),
        unet=parts.unet(in_channels=5),
        scheduler=parts.scheduler(),
        depth_estimator=DPTForDepthEstimation(config).eval(),
        feature_extractor=DPTImageProcessor(size={"height": EYE, "width": EYE}),
    )


def inpaint(**changes: Any) -> StableDiffusionInpaintPipeline:
    """Stable Diffusion trained for inpainting: mask and masked picture are five more channels."""
    given: dict[str, Any] = {
        "vae": parts.autoencoder(), "text_encoder": parts.text_encoder(), "tokenizer": parts.tokenizer(),
        "unet": parts.unet(in_channels=9), "scheduler": parts.scheduler(), "safety_checker": None,
        "feature_extractor": None, "requires_safety_checker": False,
    }  # fmt: skip
    return StableDiffusionInpaintPipeline(**{**given, **changes})


def inpaint_with_safety_checker() -> StableDiffusionInpaintPipeline:
    """Inpainting with a safety checker that blocks everything."""
    strict = stable_diffusion_with_safety_checker(blocks=True)
    return inpaint(
        safety_checker=strict.safety_checker,
        feature_extractor=strict.feature_extractor,
        requires_safety_checker=True,
    )


def upscale_x4() -> StableDiffusionUpscalePipeline:
    """The x4 upscaler: the small picture is three more channels, its noise level a class."""
    return StableDiffusionUpscalePipeline(
        vae=parts.autoencoder(levels=3, scaling_factor=0.08333),
        text_encoder=parts.text_encoder(),
        tokenizer=parts.tokenizer(),
        unet=parts.unet(in_channels=7, num_class_embeds=1000),
        low_res_scheduler=DDPMScheduler(),
        scheduler=parts.scheduler(prediction_type="v_prediction"),
    )


def upscale_latent() -> StableDiffusionLatentUpscalePipeline:
    """The x2 upscaler of latents: small latents are four more channels, the pooled text joins the time."""
    return StableDiffusionLatentUpscalePipeline(
        vae=parts.autoencoder(),
        text_encoder=parts.text_encoder(),
        tokenizer=parts.tokenizer(),
        unet=parts.unet(in_channels=8, out_channels=5, time_cond_proj_dim=128 + parts.WIDTH),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="sample"
        ),
    )


def stable_unclip() -> StableUnCLIPImg2ImgPipeline:
    """Stable unCLIP: a noised CLIP picture embedding is the class that the U-Net is conditioned on."""
    width = parts.WIDTH
    return StableUnCLIPImg2ImgPipeline(
        feature_extractor=image_processor(),
        image_encoder=CLIPVisionModelWithProjection(vision_config()).eval(),
        image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=width),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=parts.tokenizer(),
        text_encoder=parts.text_encoder(),
        unet=parts.unet(class_embed_type="projection", projection_class_embeddings_input_dim=2 * width),
        scheduler=parts.scheduler(),
        vae=parts.autoencoder(),
    )


def unclip_variation() -> UnCLIPImageVariationPipeline:
    """Karlo without its prior: the picture's own CLIP embedding goes to the decoder."""
    whole = unclip()
    shared = {name: part for name, part in whole.components.items() if not name.startswith("prior")}
    with old_names():  # as in Karlo's files, where a part is named by the package's old name
        return UnCLIPImageVariationPipeline(
            **shared,
            feature_extractor=image_processor(),
            image_encoder=CLIPVisionModelWithProjection(vision_config()).eval(),
        )


def clip() -> CLIPModel:
    """Both halves of CLIP."""
    return CLIPModel(_clip_config()).eval()


def clip_latent() -> ClipLatentPipeline:
    """What the search of latents by CLIP needs."""
    return ClipLatentPipeline(parts.autoencoder(), clip(), parts.tokenizer())
