"""Which diffusers class does another task with the networks of a text-to-image model.

Found by its name, which diffusers keeps to: StableDiffusionXLPipeline, StableDiffusionXLImg2ImgPipeline,
StableDiffusionXLInpaintPipeline. Its own table of them imports every pipeline there is, which takes seconds.
"""

from __future__ import annotations

import inspect
import re

import diffusers

from tasvir.errors import SettingError


def image_to_image(own: type) -> type:
    """The class that redraws a picture by strength, for a model whose own class is another.

    Raises:
        SettingError: Diffusers has none for this kind of model.
    """
    return _of(own, "Img2Img")


def inpainting(own: type) -> type:
    """The class that redraws what a mask shows, likewise.

    Raises:
        SettingError: Diffusers has none for this kind of model.
    """
    return _of(own, "Inpaint")


def _of(own: type, task: str) -> type:
    stem = re.sub(r"(Img2Img|Inpaint)?Pipeline$", "", own.__name__)
    found: type | None = getattr(diffusers, f"{stem}{task}Pipeline", None)
    if found is None or "strength" not in inspect.signature(found.__call__).parameters:
        raise SettingError(
            f"diffusers has no {task} by strength for models of {own.__name__}: choose a model of Stable "
            "Diffusion 1, 2, XL or 3, or of FLUX.1"
        )
    return found
