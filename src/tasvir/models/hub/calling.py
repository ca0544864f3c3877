"""What a text-to-image pipeline of diffusers is called with: every family names and needs something else.

Found out from the pipeline itself (its signature, its networks' configurations) where that tells, so that
pipelines that nobody here has heard of can be drawn with too; what it does not take is an error, not ignored.
"""

from __future__ import annotations

import inspect
from typing import Any

from tasvir.errors import HubError, SettingError
from tasvir.models.hub.cards import Card

LATENT_FACTOR = 8
"""Pixels a latent where a pipeline does not tell."""


def takes(pipeline: Any) -> frozenset[str]:
    """Names of the arguments of a pipeline's call."""
    return frozenset(inspect.signature(type(pipeline).__call__).parameters)


def require_text_to_image(pipeline: Any, name: str) -> None:
    """Check that a pipeline draws from a text alone.

    Raises:
        HubError: It does not.
    """
    parameters = inspect.signature(type(pipeline).__call__).parameters
    needed = {
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    } - {"self", "prompt"}
    # many take their picture as an argument that is None by default, and then say that it is missing
    pictures = {"image", "mask_image", "control_image"} & parameters.keys()
    if (
        "prompt" not in parameters
        or needed
        or (pictures and type(pipeline).__name__ not in _OPTIONAL_PICTURE)
    ):
        raise HubError(
            f"{name} is a {type(pipeline).__name__}, which does not draw from a text alone: "
            "see `tasvir models list` for text-to-image models and `tasvir list editors` for others"
        )
    reads = getattr(getattr(getattr(pipeline, "unet", None), "config", None), "in_channels", None)
    latents = getattr(getattr(getattr(pipeline, "vae", None), "config", None), "latent_channels", None)
    if reads is not None and latents is not None and reads != latents:
        raise HubError(
            f"{name} has a U-Net of {reads} channels for latents of {latents}: it was made for inpainting or "
            "another task with a picture, and does not draw from a text alone"
        )


_OPTIONAL_PICTURE = frozenset({"Flux2Pipeline", "Flux2KleinPipeline"})
"""Pipelines that take pictures beside the text, or none."""


def native_size(pipeline: Any, card: Card) -> tuple[int, int]:
    """Width and height in pixels: the card's, else what the networks' configuration says."""
    if card.native_size is not None:
        return card.native_size
    final = getattr(pipeline, "super_res_last", None)
    if final is not None:
        return final.config.sample_size, final.config.sample_size
    network = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    side = getattr(getattr(network, "config", None), "sample_size", None)
    if side is None:  # FLUX's denoiser does not tell, but its autoencoder was trained at that size
        pixels = int(getattr(getattr(pipeline, "vae", None), "config", {}).get("sample_size", 512))
        return pixels, pixels
    high, wide = side if isinstance(side, list | tuple) else (side, side)
    factor = _latent_factor(pipeline)
    return wide * factor, high * factor


def check_size(pipeline: Any, size: tuple[int, int], native: tuple[int, int]) -> None:
    """Check that a pipeline can draw a size as it is; some would round it in silence.

    Raises:
        SettingError: It cannot; names the nearest sizes.
    """
    if "height" not in takes(pipeline):
        if size != native:
            raise SettingError(f"size {_shown(size)}: this model draws {_shown(native)} and no other size")
        return
    step = size_step(pipeline)
    if any(side % step for side in size):
        near = {
            tuple(max(step, (side // step + up) * step if side % step else side) for side in size)
            for up in (0, 1)
        }
        listed = " or ".join(_shown(pair) for pair in sorted(near))
        raise SettingError(f"size {_shown(size)}: this model draws multiples of {step} pixels; take {listed}")


def size_step(pipeline: Any) -> int:
    """Pixels that both sides must be multiples of: latents, times patches, times what is packed into one."""
    if hasattr(pipeline, "movq"):  # Kandinsky rounds up to whole latents of latents
        return int(_latent_factor(pipeline) ** 2)
    processor = getattr(pipeline, "image_processor", None)
    factor = processor.config.vae_scale_factor if processor is not None else _latent_factor(pipeline)
    patch = getattr(getattr(getattr(pipeline, "transformer", None), "config", None), "patch_size", 1)
    return int(factor) * (patch if isinstance(patch, int) else 1)


def draws_singly(pipeline: Any) -> bool:
    """Whether a picture would depend on its batch by more than rounding.

    unCLIP's decoder predicts noise under a cosine schedule: its first step divides by the square root of
    2.4e-9, which makes a difference of 1e-6 between batches of one and of many one of 0.02.
    """
    return hasattr(pipeline, "decoder_scheduler")


def _latent_factor(pipeline: Any) -> int:
    movq = getattr(pipeline, "movq", None)
    if movq is not None:
        return int(2 ** (len(movq.config.block_out_channels) - 1))
    return int(getattr(pipeline, "vae_scale_factor", LATENT_FACTOR))


def _shown(size: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in size)


def step_arguments(pipeline: Any, steps: int | None, scale: float | None, card: Card) -> dict[str, Any]:
    """Steps and guidance scale by the names that a pipeline has for them.

    Where nobody asks they are the card's, else those of the pipeline, so that a provenance can hold them.

    Raises:
        SettingError: A scale for a model that takes none, or too few steps.
    """
    known = takes(pipeline)
    name = "num_inference_steps" if "num_inference_steps" in known else "decoder_num_inference_steps"
    if name.startswith("decoder") and steps == 1:
        raise SettingError("steps is 1: this model's noise schedule needs at least 2")
    given = {name: steps or card.steps or _default(pipeline, name)}
    name_of_scale = _scale_name(pipeline, known)
    if name_of_scale is not None:
        given[name_of_scale] = next(
            value for value in (scale, card.scale, _default(pipeline, name_of_scale)) if value is not None
        )
    elif scale is not None:
        raise SettingError(
            f"scale is {scale:g}: this model was distilled to do without guidance; leave it out"
        )
    return given


def _default(pipeline: Any, name: str) -> Any:
    return inspect.signature(type(pipeline).__call__).parameters[name].default


def _scale_name(pipeline: Any, known: frozenset[str]) -> str | None:
    """The argument for classifier-free guidance or its distilled stand-in; None if it would do nothing."""
    if pipeline.config.get("is_distilled"):
        return None
    transformer = getattr(pipeline, "transformer", None)
    embedded = getattr(getattr(transformer, "config", None), "guidance_embeds", None)
    if embedded is False and "true_cfg_scale" in known:
        return "true_cfg_scale" if _default(pipeline, "true_cfg_scale") > 1 else None
    for name in ("guidance_scale", "decoder_guidance_scale", "true_cfg_scale"):
        if name in known:
            return name
    return None


def negative_arguments(pipeline: Any, negative: str, true_scale: float | None, count: int) -> dict[str, Any]:
    """The negative prompt, and real guidance for models that come distilled (FLUX.1).

    Raises:
        SettingError: The model reads no negative prompt, or does so only with a true scale.
    """
    known = takes(pipeline)
    distilled = "true_cfg_scale" in known and _scale_name(pipeline, known) != "true_cfg_scale"
    if true_scale is not None and not distilled:
        raise SettingError(
            "true_scale is for models that were distilled for guidance (FLUX.1): set the scale"
        )
    if not negative:
        if true_scale is not None:
            raise SettingError("true_scale does nothing without a negative prompt: set one")
        return {}
    if "negative_prompt" not in known or pipeline.config.get("is_distilled"):
        raise SettingError(f"{type(pipeline).__name__} reads no negative prompt: leave it out")
    if distilled and (true_scale is None or true_scale <= 1):
        raise SettingError(
            "this model was distilled for guidance and reads a negative prompt only with --set true_scale=N, "
            "N above 1, at twice the time"
        )
    return {"negative_prompt": [negative] * count} | ({"true_cfg_scale": true_scale} if distilled else {})


def plain_arguments(pipeline: Any) -> dict[str, Any]:
    """Switches off what some pipelines do to size and text behind the user's back.

    PixArt and Sana draw at the nearest size that they were trained at and resample; PixArt rewrites captions
    if a package happens to be installed.
    """
    switches = {"use_resolution_binning": False, "clean_caption": False}
    return {name: value for name, value in switches.items() if name in takes(pipeline)}
