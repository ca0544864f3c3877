"""Tiny text-to-image models with a transformer: Stable Diffusion 3, FLUX, FLUX.2, PixArt, Sana."""

from __future__ import annotations

from typing import Any

from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    SanaPipeline,
    SanaTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import Gemma2Config, Gemma2Model, Qwen3Config, Qwen3ForCausalLM

from tasvir.models.tiny import language, parts


def stable_diffusion_3() -> StableDiffusion3Pipeline:
    """SD 3: three text encoders, joint attention, flow matching."""
    transformer = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=16, out_channels=16, num_layers=2, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=2 * parts.WIDTH, caption_projection_dim=32,
        pooled_projection_dim=2 * parts.WIDTH, pos_embed_max_size=16,
    )  # fmt: skip
    return StableDiffusion3Pipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_autoencoder(16),
        text_encoder=parts.projected_text_encoder(),
        tokenizer=parts.tokenizer(),
        text_encoder_2=parts.projected_text_encoder(),
        tokenizer_2=parts.tokenizer(),
        text_encoder_3=language.t5(2 * parts.WIDTH),
        tokenizer_3=language.t5_tokenizer(),
    )


def flux(guidance: bool = True) -> FluxPipeline:
    """FLUX.1: joint, then single attention blocks; ``guidance`` = the scale is an input ("dev")."""
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=parts.WIDTH, pooled_projection_dim=parts.WIDTH,
        axes_dims_rope=(4, 6, 6), guidance_embeds=guidance,
    )  # fmt: skip
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=guidance),
        vae=_autoencoder(4),
        text_encoder=parts.text_encoder(),
        tokenizer=parts.tokenizer(),
        text_encoder_2=language.t5(parts.WIDTH),
        tokenizer_2=language.t5_tokenizer(),
        transformer=transformer.eval(),
    )


def flux_schnell() -> FluxPipeline:
    """FLUX.1 distilled to few steps, which takes no scale."""
    return flux(guidance=False)


def flux_2_klein() -> Flux2KleinPipeline:
    """FLUX.2 klein: hidden states of a language model as text, distilled."""
    layers = 28  # the pipeline reads hidden states 9, 18 and 27
    config = Qwen3Config(
        vocab_size=len(language.qwen_tokenizer()), hidden_size=16, intermediate_size=16,
        num_hidden_layers=layers, num_attention_heads=2, num_key_value_heads=1, head_dim=8,
        max_position_embeddings=512,
    )  # fmt: skip
    transformer = Flux2Transformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=48, timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(
        block_out_channels=(8, 8, 16, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=parts.SIDE,
    )  # fmt: skip
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=vae.eval(),
        text_encoder=Qwen3ForCausalLM(config).eval(),
        tokenizer=language.qwen_tokenizer(),
        transformer=transformer.eval(),
        is_distilled=True,
    )


def pixart_sigma() -> PixArtSigmaPipeline:
    """PixArt-Sigma: cross-attention to T5, noise prediction."""
    transformer = PixArtTransformer2DModel(
        sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=4,
        in_channels=4, out_channels=8, cross_attention_dim=32, caption_channels=parts.WIDTH,
        norm_num_groups=1, use_additional_conditions=False,
    )  # fmt: skip
    return PixArtSigmaPipeline(
        tokenizer=language.t5_tokenizer(),
        text_encoder=language.t5(parts.WIDTH),
        vae=parts.autoencoder(),
        transformer=transformer.eval(),
        scheduler=DPMSolverMultistepScheduler(),
    )


def sana() -> SanaPipeline:
    """Sana: linear attention, a language model's text, an autoencoder that shrinks 32 times."""
    tokenizer = language.gemma_tokenizer()
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=2048,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    transformer = SanaTransformer2DModel(
        patch_size=1, in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2,
        attention_head_dim=8, num_cross_attention_heads=2, cross_attention_head_dim=8,
        cross_attention_dim=16, caption_channels=16, sample_size=2,
    )  # fmt: skip
    return SanaPipeline(
        tokenizer=tokenizer,
        text_encoder=Gemma2Model(config).eval(),
        vae=_deep_autoencoder(),
        transformer=transformer.eval(),
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    )


def _deep_autoencoder() -> AutoencoderDC:
    widths, blocks, layers = (8, 8, 8, 8, 16, 16), ("ResBlock",) * 6, (1,) * 6
    given: dict[str, Any] = {
        "latent_channels": 4, "attention_head_dim": 2,
        "encoder_block_types": blocks, "decoder_block_types": blocks,
        "encoder_block_out_channels": widths, "decoder_block_out_channels": widths,
        "encoder_layers_per_block": layers, "decoder_layers_per_block": layers,
        "encoder_qkv_multiscales": ((),) * 6, "decoder_qkv_multiscales": ((),) * 6,
        "downsample_block_type": "Conv", "upsample_block_type": "interpolate",
        "scaling_factor": 0.41407,
    }  # fmt: skip
    return AutoencoderDC(**given).eval()


def _autoencoder(channels: int) -> AutoencoderKL:
    """Their latents are shifted as well as scaled, and go through no convolution of 1 x 1."""
    return parts.autoencoder(
        channels, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5
    )
