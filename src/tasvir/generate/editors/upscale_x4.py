"""Four times larger, by the x4 upscaler of Stable Diffusion 2.

A latent diffusion model of the large picture sees the small one, with a little noise, as three more channels
at the latents' size; how much noise is told as a class. Source: Ho et al. 2022, "Cascaded diffusion models",
section 4.1 (noise on the condition); Rombach et al. 2022, section 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PIL import Image

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings
from tasvir.generate.pipeline_editing import PipelineEditor, words
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Picture

with quiet():  # transformers misses torchvision aloud, which nothing here needs
    from diffusers import StableDiffusionUpscalePipeline


class UpscaleX4Editor(PipelineEditor):
    """Makes a picture four times larger, with details that a text may name."""

    name: ClassVar[str] = "upscale-x4"
    kind = StableDiffusionUpscalePipeline
    factor = 4
    steps = 75
    scale = 9.0

    def __init__(
        self,
        model: str = "sd-x4-upscaler",
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        batch: int = 1,
        negative: str = "",
        noise_level: int = 20,
    ) -> None:
        """Open the model.

        Args:
            noise_level: Noise on the small picture, from 0 (keep to it) to the model's most (350): the more,
                the more is invented.
            negative: What the picture shall not show.

        Raises:
            SettingError: A noise level out of range.
        """
        super().__init__(model, load, batch)
        self.negative, self.noise_level = negative, noise_level
        most = self.pipeline.config.max_noise_level
        if not 0 <= noise_level <= most:
            raise SettingError(f"noise_level is {noise_level}: give 0 to {most}")

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        return {
            "prompt": [words(edit) for edit in edits],
            "negative_prompt": [self.negative] * len(edits),
            "image": list(images),
            "noise_level": self.noise_level,
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.scale,
        }

    def finished(self, edit: Edit, drawn: Image.Image, facts: dict[str, Any]) -> Picture:
        return super().finished(edit, drawn, {**facts, "noise_level": self.noise_level})
