"""Tiny models that read layouts: gated U-Nets of Stable Diffusion 1 and XL, and for inpainting."""

from __future__ import annotations

import torch
from diffusers import (
    ControlNetModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention import GatedSelfAttentionDense

from tasvir.models.tiny import parts
from tasvir.models.tiny.unet_families import stable_diffusion, stable_diffusion_xl

GATE = 1.0
"""Both gates of every gated attention; they start at 0, and boxes would do nothing."""


def gligen() -> StableDiffusionPipeline:
    """GLIGEN on Stable Diffusion 1."""
    return stable_diffusion(unet=_gated(parts.unet(attention_type="gated")))


def gligen_inpainting() -> StableDiffusionPipeline:
    """GLIGEN's inpainting: four channels of noise, four of what is kept, one of the mask."""
    return stable_diffusion(unet=_gated(parts.unet(in_channels=9, attention_type="gated")))


def gligen_xl() -> StableDiffusionXLPipeline:
    """IGLIGEN on SDXL: phrases are the pooled texts of both encoders, side by side."""
    pipeline = stable_diffusion_xl()
    unet = UNet2DConditionModel.from_config(pipeline.unet.config, attention_type="gated")
    pipeline.register_modules(unet=_gated(unet.eval()))
    return pipeline


def controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """A ControlNet beside a U-Net; its last convolutions start at 0, which would do nothing."""
    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 16))
    for layer in (*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
        torch.nn.init.normal_(layer.weight, std=0.3)
    return net.eval()


def _gated(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    for module in unet.modules():
        if isinstance(module, GatedSelfAttentionDense):
            for gate in (module.alpha_attn, module.alpha_dense):
                torch.nn.init.constant_(gate, GATE)
    for null in (unet.position_net.null_positive_feature, unet.position_net.null_position_feature):
        torch.nn.init.normal_(null)
    return unet
