"""Twice as large, by the x2 upscaler of Stable Diffusion's latents.

A diffusion model of the large latents sees the small ones, enlarged, as four more channels; the network is
preconditioned as in Karras et al. 2022, table 1, and integrated by Euler's method, which belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from diffusers import StableDiffusionLatentUpscalePipeline
from PIL import Image

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings
from tasvir.generate.pipeline_editing import PipelineEditor, words
from tasvir.models.load import LoadSettings


class UpscaleLatentEditor(PipelineEditor):
    """Makes a picture twice as large, working on latents."""

    name: ClassVar[str] = "upscale-latent"
    kind = StableDiffusionLatentUpscalePipeline
    factor = 2
    steps = 20
    scale = 0.0

    def __init__(
        self,
        model: str = "sd-x2-upscaler",
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        batch: int = 1,
    ) -> None:
        """Open the model. At its scale of 0 a prompt is not read: give a scale with one."""
        super().__init__(model, load, batch)

    @property
    def grain(self) -> int:
        """The large latents are halved once for each level of the network but the first."""
        halvings = len(self.pipeline.unet.config.block_out_channels) - 1
        return max(super().grain, int(super().grain * 2**halvings // self.factor))

    def check(self, edits: Sequence[Edit], settings: EditSettings) -> None:
        """See `Editor.check`; neither a sampler nor a prompt that would not be read is taken."""
        super().check(edits, settings)
        if settings.sampler is not None:
            raise SettingError(f"{self.label} works with Euler's method alone: leave out the sampler")
        scale = self.scale if settings.scale is None else settings.scale
        if not scale and any(words(edit) for edit in edits):
            raise SettingError(
                f"{self.label} does not read its prompt at scale 0: give a scale, or leave out the prompt"
            )

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        return {
            "prompt": [words(edit) for edit in edits],
            "image": list(images),
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.scale,
        }
