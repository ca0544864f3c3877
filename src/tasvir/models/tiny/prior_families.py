"""Tiny text-to-image models in stages: text -> CLIP picture embedding (prior) -> picture (decoder)."""

from __future__ import annotations

from diffusers import (
    DDPMScheduler,
    KandinskyV22CombinedPipeline,
    PriorTransformer,
    UnCLIPPipeline,
    UnCLIPScheduler,
    UNet2DConditionModel,
    UNet2DModel,
    VQModel,
)
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from tasvir.models.hub.moved import old_names
from tasvir.models.tiny import parts

WIDTH = parts.WIDTH


def prior() -> PriorTransformer:
    """Text -> picture embedding, one layer."""
    return PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, embedding_dim=WIDTH, num_layers=1
    ).eval()


def unclip() -> UnCLIPPipeline:
    """Karlo's unCLIP: prior, decoder at 16 x 16, super-resolution to 32 x 32 in two networks."""
    text_width, first = 24, 16
    decoder = UNet2DConditionModel(
        sample_size=16, in_channels=3, out_channels=6, block_out_channels=(first, 32), layers_per_block=1,
        norm_num_groups=8, cross_attention_dim=text_width, attention_head_dim=4,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        resnet_time_scale_shift="scale_shift", class_embed_type="identity",
    )  # fmt: skip
    with old_names():  # as in Karlo's files, where a part is named by the package's old name
        return UnCLIPPipeline(
            prior=prior(),
            decoder=decoder.eval(),
            text_encoder=parts.projected_text_encoder(),
            tokenizer=parts.tokenizer(),
            text_proj=UnCLIPTextProjModel(
                clip_embeddings_dim=WIDTH, time_embed_dim=4 * first, cross_attention_dim=text_width
            ).eval(),
            super_res_first=_super_resolution(),
            super_res_last=_super_resolution(),
            prior_scheduler=prior_scheduler(),
            decoder_scheduler=UnCLIPScheduler(variance_type="learned_range", prediction_type="epsilon"),
            super_res_scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="epsilon"),
        )


def prior_scheduler() -> UnCLIPScheduler:
    return UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0)


def _super_resolution() -> UNet2DModel:
    return UNet2DModel(
        sample_size=32, in_channels=6, out_channels=3, block_out_channels=(16, 32), layers_per_block=1,
        norm_num_groups=8, down_block_types=("ResnetDownsampleBlock2D",) * 2,
        up_block_types=("ResnetUpsampleBlock2D",) * 2,
    ).eval()  # fmt: skip


def kandinsky() -> KandinskyV22CombinedPipeline:
    """Kandinsky 2.2: prior, decoder on latents, MoVQ."""
    unet = parts.unet(
        16, out_channels=8, addition_embed_type="image", encoder_hid_dim=WIDTH,
        encoder_hid_dim_type="image_proj", resnet_time_scale_shift="scale_shift", class_embed_type=None,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    )  # fmt: skip
    movq = VQModel(
        block_out_channels=(32,) * 4, norm_num_groups=32, layers_per_block=1, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 3 + ("AttnDownEncoderBlock2D",),
        up_block_types=("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * 3,
        num_vq_embeddings=16, vq_embed_dim=4, norm_type="spatial",
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, image_size=32,
        patch_size=8, projection_dim=WIDTH,
    )  # fmt: skip
    return KandinskyV22CombinedPipeline(
        unet=unet,
        scheduler=DDPMScheduler(
            beta_schedule="linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
            variance_type="learned_range", thresholding=False,
        ),
        movq=movq.eval(),
        prior_prior=prior(),
        prior_image_encoder=CLIPVisionModelWithProjection(vision).eval(),
        prior_text_encoder=parts.projected_text_encoder(),
        prior_tokenizer=parts.tokenizer(),
        prior_scheduler=prior_scheduler(),
        prior_image_processor=CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )  # fmt: skip
