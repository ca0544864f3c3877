"""Image-to-image: a picture is noised as far as strength says and drawn again from there with a text.

x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) noise at the step where strength x steps are left to go.
Source: Meng et al. 2022, SDEdit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PIL import Image

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings, Use
from tasvir.generate.pipeline_editing import PipelineEditor, words
from tasvir.models.hub import calling
from tasvir.models.hub.tasks import image_to_image
from tasvir.models.load import LoadSettings


class ImageToImageEditor(PipelineEditor):
    """Redraws a picture with a text, as far as strength says; any text-to-image model that can."""

    name: ClassVar[str] = "image-to-image"
    kind = staticmethod(image_to_image)
    takes_prompt: Use = "must"
    takes_strength = True
    strength = 0.8

    def __init__(
        self,
        model: str = "sd15",
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        batch: int = 1,
        negative: str = "",
        true_scale: float | None = None,
    ) -> None:
        """Open the model.

        Args:
            negative: What the picture shall not show.
            true_scale: Guidance scale against it for models distilled for guidance.

        Raises:
            SettingError: The model is made for another task, or reads no negative prompt.
        """
        super().__init__(model, load, batch)
        self._check_channels()
        self.negative, self.true_scale = negative, true_scale
        calling.negative_arguments(self.pipeline, negative, true_scale, 1)  # a fault is told now

    @property
    def grain(self) -> int:
        return calling.size_step(self.pipeline)

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        size = {"width": images[0].width, "height": images[0].height}
        takes = calling.takes(self.pipeline)
        return {
            "prompt": [words(edit) for edit in edits],
            "image": list(images),
            "strength": settings.strength,
            **calling.step_arguments(self.pipeline, settings.steps, settings.scale, self.card),
            **calling.negative_arguments(self.pipeline, self.negative, self.true_scale, len(edits)),
            # where they can be said they must be: the pictures would be shrunk to the model's own size
            **{side: pixels for side, pixels in size.items() if side in takes},
        }

    def _check_channels(self) -> None:
        unet = getattr(self.pipeline, "unet", None)
        if unet is not None and unet.config.in_channels != self.pipeline.vae.config.latent_channels:
            raise SettingError(
                f"{self.model} is made for another task (its network has {unet.config.in_channels} input "
                "channels): use the editor for it (inpaint, depth, upscale-x4), or another model"
            )
