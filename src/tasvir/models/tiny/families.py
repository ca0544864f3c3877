"""Which tiny models there are, by name. Light: a builder is imported when its family is built."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tasvir.errors import OutputError, UnknownNameError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

_UNET = "tasvir.models.tiny.unet_families"
_TRANSFORMER = "tasvir.models.tiny.transformer_families"
_PRIOR = "tasvir.models.tiny.prior_families"
_PICTURE = "tasvir.models.tiny.picture_families"
_LAYOUT = "tasvir.models.tiny.layout_families"

FAMILIES: dict[str, str] = {
    "sd": f"{_UNET}:stable_diffusion",
    "sd2": f"{_UNET}:stable_diffusion_2",
    "sd-safety": f"{_UNET}:stable_diffusion_with_safety_checker",
    "sdxl": f"{_UNET}:stable_diffusion_xl",
    "sd3": f"{_TRANSFORMER}:stable_diffusion_3",
    "flux": f"{_TRANSFORMER}:flux",
    "flux-schnell": f"{_TRANSFORMER}:flux_schnell",
    "flux2-klein": f"{_TRANSFORMER}:flux_2_klein",
    "pixart-sigma": f"{_TRANSFORMER}:pixart_sigma",
    "sana": f"{_TRANSFORMER}:sana",
    "unclip": f"{_PRIOR}:unclip",
    "kandinsky22": f"{_PRIOR}:kandinsky",
    "depth": f"{_PICTURE}:depth",
    "inpaint": f"{_PICTURE}:inpaint",
    "inpaint-safety": f"{_PICTURE}:inpaint_with_safety_checker",
    "upscale-x4": f"{_PICTURE}:upscale_x4",
    "upscale-latent": f"{_PICTURE}:upscale_latent",
    "stable-unclip": f"{_PICTURE}:stable_unclip",
    "unclip-variation": f"{_PICTURE}:unclip_variation",
    "clip-latent": f"{_PICTURE}:clip_latent",
    "gligen": f"{_LAYOUT}:gligen",
    "gligen-inpainting": f"{_LAYOUT}:gligen_inpainting",
    "gligen-xl": f"{_LAYOUT}:gligen_xl",
}
"""Name -> "module:function"; the function takes no arguments and is random by the global torch seed."""


def build(family: str, seed: int = 0) -> DiffusionPipeline:
    """A random-weight pipeline of a family; the same weights for the same seed.

    Raises:
        UnknownNameError: No such family; lists those there are.
    """
    import torch

    from tasvir.models.quiet import quiet

    if family not in FAMILIES:
        near = difflib.get_close_matches(family, FAMILIES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownNameError(f"no tiny family is called {family!r}; {hint}known: {', '.join(FAMILIES)}")
    module, _, function = FAMILIES[family].partition(":")
    with torch.random.fork_rng(devices=()), quiet():
        torch.manual_seed(seed)
        pipeline: DiffusionPipeline = getattr(import_module(module), function)()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write(family: str, folder: Path, seed: int = 0) -> str:
    """Build a family and write it as a pipeline folder; returns the class's name.

    Raises:
        UnknownNameError: No such family.
        OutputError: The folder holds something already, or cannot be written.
    """
    from tasvir.models.quiet import quiet

    pipeline = build(family, seed)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder} holds something already: give a new folder")
        with quiet():
            pipeline.save_pretrained(str(folder))
    except OSError as problem:
        raise OutputError(f"{folder} cannot be written: {problem.strerror or problem}") from problem
    return type(pipeline).__name__
