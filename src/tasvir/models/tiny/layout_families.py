"""Tiny models that read layouts: gated U-Nets of Stable Diffusion 1 and XL, and for inpainting."""

from __future__ import annotations

import math

from diffusers import (
    ControlNetModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention import GatedSelfAttentionDense
from torch import nn

from tasvir.models.tiny import parts
from tasvir.models.tiny.unet_families import stable_diffusion, stable_diffusion_xl

GATE = 1.0
"""Both gates of every gated attention; they start at 0, and boxes would do nothing."""
GAIN = 3.0


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
    """A ControlNet beside a U-Net; the convolutions that join them start at 0, and maps would do nothing."""
    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 16))
    enliven(net.controlnet_cond_embedding, net.controlnet_down_blocks, net.controlnet_mid_block)
    return net.eval()


def enliven(*networks: nn.Module, gain: float = GAIN) -> None:
    """Draw weights anew so that every layer puts out numbers of the size ``gain`` for inputs of size 1.

    As libraries draw them, what goes in late or beside the main path hardly shows in a picture.
    """
    for module in (part for network in networks for part in network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, std=gain / math.sqrt(module.weight[0].numel()))
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)


def _gated(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Open the gates, and let boxes and phrases be heard through them."""
    net = unet.position_net
    enliven(net)
    for module in unet.modules():
        if isinstance(module, GatedSelfAttentionDense):
            enliven(module.linear, module.attn)
            for gate in (module.alpha_attn, module.alpha_dense):
                nn.init.constant_(gate, GATE)
    for null in (net.null_positive_feature, net.null_position_feature):
        nn.init.normal_(null)
    return unet
