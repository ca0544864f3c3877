"""Variations: a new picture with the same meaning, from the CLIP embedding of the old one.

unCLIP turns CLIP around: embedding of the picture -> decoder -> picture; the prior, which makes such an
embedding from a text, is left out. Source: Ramesh et al. 2022, "Hierarchical text-conditional image
generation with CLIP latents", section 3.1. Karlo follows it in pixels, with a super-resolution network at the
end; Stable unCLIP puts the embedding, noised, into Stable Diffusion 2.1.
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
    from diffusers import StableUnCLIPImg2ImgPipeline, UnCLIPImageVariationPipeline

LEAST_STEPS = 2
"""Karlo's schedules spread steps between two ends."""


def _checked(own: type) -> type:
    if own in (StableUnCLIPImg2ImgPipeline, UnCLIPImageVariationPipeline):
        return own
    raise SettingError(
        f"a model of {own.__name__} makes no variations: choose one of StableUnCLIPImg2ImgPipeline or "
        "UnCLIPImageVariationPipeline"
    )


class VariationsEditor(PipelineEditor):
    """Draws pictures that mean the same, at the model's own size: Stable unCLIP or Karlo."""

    name: ClassVar[str] = "variations"
    kind = staticmethod(_checked)
    steps = 25
    scale = 8.0

    def __init__(
        self,
        model: str = "sd21-unclip",
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        batch: int = 1,
        noise_level: int = 0,
        super_resolution_steps: int = 7,
    ) -> None:
        """Open the model.

        Args:
            noise_level: Noise on the embedding, 0 to 999, the more the freer; Stable unCLIP alone.
            super_resolution_steps: Of Karlo's second network.

        Raises:
            SettingError: A number out of range, or noise for a model that takes none.
        """
        super().__init__(model, load, batch)
        self.is_karlo = isinstance(self.pipeline, UnCLIPImageVariationPipeline)
        if self.is_karlo:
            self.takes_prompt = "never"
            if noise_level:
                raise SettingError(f"{self.label} takes no noise_level: leave it out")
        if not 0 <= noise_level <= 999:
            raise SettingError(f"noise_level is {noise_level}: give 0 to 999")
        if super_resolution_steps < LEAST_STEPS:
            raise SettingError(
                f"super_resolution_steps is {super_resolution_steps}: give at least {LEAST_STEPS}"
            )
        self.noise_level, self.super_resolution_steps = noise_level, super_resolution_steps

    def check(self, edits: Sequence[Edit], settings: EditSettings) -> None:
        """See `Editor.check`; one step is too few for Karlo's noise schedule."""
        super().check(edits, settings)
        if self.is_karlo and (settings.steps or self.steps) < LEAST_STEPS:
            raise SettingError(f"steps is {settings.steps}: {self.label} needs at least {LEAST_STEPS}")

    @property
    def grain(self) -> int:
        """The picture is only looked at, so it needs no padding."""
        return 1

    def size_after(self, size: tuple[int, int]) -> tuple[int, int]:  # noqa: ARG002  # not looked at
        """The model's own size, whatever goes in."""
        if self.is_karlo:
            side = self.pipeline.super_res_first.config.sample_size
        else:
            side = self.pipeline.unet.config.sample_size * self.pipeline.vae_scale_factor
        return int(side), int(side)

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        if self.is_karlo:
            return {
                "image": list(images),
                "decoder_num_inference_steps": settings.steps,
                "super_res_num_inference_steps": self.super_resolution_steps,
                "decoder_guidance_scale": settings.scale,
            }
        return {
            "image": list(images),
            "prompt": [words(edit) for edit in edits],
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.scale,
            "noise_level": self.noise_level,
        }

    def finished(self, edit: Edit, drawn: Image.Image, facts: dict[str, Any]) -> Picture:
        """CLIP looks at the square in the middle: the provenance says which."""
        width, height = edit.picture.width, edit.picture.height
        left, top, side = max(width - height, 0) // 2, max(height - width, 0) // 2, min(width, height)
        own = {"super_resolution_steps": self.super_resolution_steps}
        return super().finished(
            edit,
            drawn,
            {
                **facts,
                **(own if self.is_karlo else {"noise_level": self.noise_level}),
                "looked_at": [left, top, left + side, top + side],
            },
        )
