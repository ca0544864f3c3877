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
    ) -> None:
        """Open the model; ``negative`` says what the picture shall not show.

        Raises:
            SettingError: The model is made for another task, or reads no negative prompt.
        """
        super().__init__(model, load, batch)
        self._check_channels()
        if negative and "negative_prompt" not in self.takes:
            raise SettingError(f"{self.label} reads no negative prompt: leave it out")
        self.negative = negative

    @property
    def grain(self) -> int:
        """Pixels to a latent, times the side of the patches that a transformer reads."""
        transformer = getattr(self.pipeline, "transformer", None)
        patch = 1 if transformer is None else transformer.config.get("patch_size") or 1
        return int(self.pipeline.image_processor.config.vae_scale_factor * patch)

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        size = {"width": images[0].width, "height": images[0].height}
        return {
            "prompt": [words(edit) for edit in edits],
            "image": list(images),
            "strength": settings.strength,
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.scale,
            **({"negative_prompt": [self.negative] * len(edits)} if self.negative else {}),
            # where they can be said they must be: the pictures would be shrunk to the model's own size
            **{side: pixels for side, pixels in size.items() if side in self.takes},
        }

    def _check_channels(self) -> None:
        unet = getattr(self.pipeline, "unet", None)
        if unet is not None and unet.config.in_channels != self.pipeline.vae.config.latent_channels:
            raise SettingError(
                f"{self.model} is made for another task (its network has {unet.config.in_channels} input "
                "channels): use the editor for it (inpaint, depth, upscale-x4), or another model"
            )
