"""Which diffusers class does another task with the networks of a text-to-image model."""

from __future__ import annotations

import inspect

from diffusers.pipelines import auto_pipeline

from tasvir.errors import SettingError


def image_to_image(own: type) -> type:
    """The class that redraws a picture by strength, for a model whose own class is another.

    Raises:
        SettingError: Diffusers has none for this kind of model.
    """
    return _of(own, auto_pipeline.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING, "image-to-image")


def inpainting(own: type) -> type:
    """The class that redraws what a mask shows, likewise.

    Raises:
        SettingError: Diffusers has none for this kind of model.
    """
    return _of(own, auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING, "inpainting")


def _of(own: type, table: dict[str, type], task: str) -> type:
    found: type | None = auto_pipeline._get_task_class(table, own.__name__, throw_error_if_not_exist=False)
    if found is None or "strength" not in inspect.signature(found.__call__).parameters:
        raise SettingError(
            f"diffusers has no {task} by strength for models of {own.__name__}: choose a model of Stable "
            "Diffusion 1, 2, XL or 3, or of FLUX.1"
        )
    return found
