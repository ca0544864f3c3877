"""Depth-to-image: a new picture that keeps the depth of the old one, by Stable Diffusion 2 depth.

The U-Net of Stable Diffusion 2 has a fifth input channel with the relative inverse depth, from -1 (far) to 1
(near), a number for each latent. Source: Rombach et al. 2022 and the model's card; the estimator is DPT,
Ranftl et al. 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings, Use
from tasvir.generate.pipeline_editing import PipelineEditor, padded, words
from tasvir.models.hub.drawing import to_image
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Picture

with quiet():  # transformers misses torchvision aloud, which nothing here needs
    from diffusers import StableDiffusionDepth2ImgPipeline


class DepthEditor(PipelineEditor):
    """Draws a new picture with the depth of the old one; the map is given (white is near) or estimated."""

    name: ClassVar[str] = "depth"
    kind = StableDiffusionDepth2ImgPipeline
    takes_prompt: Use = "must"
    takes_guide: Use = "may"
    takes_strength = True
    guide_means = "depth map"
    scale = 7.5
    strength = 0.8

    def __init__(
        self,
        model: str = "sd2-depth",
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        batch: int = 1,
        negative: str = "",
    ) -> None:
        """Open the model; ``negative`` says what the picture shall not show."""
        super().__init__(model, load, batch)
        self.negative = negative

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        """See `PipelineEditor.arguments`.

        Raises:
            SettingError: A depth map is the same everywhere, or would be where a latent is one number.
        """
        guides = [edit.guide for edit in edits]
        if guides[0] is None:
            depth = self._estimated(images)
        else:
            depth = torch.stack([_depth(to_image(guide), self.grain) for guide in guides if guide])
        cells = [side // self.grain for side in reversed(images[0].size)]
        for levels in functional.interpolate(depth[:, None], cells, mode="bicubic"):  # as the pipeline does
            if not float(levels.max() - levels.min()) > 0:
                raise SettingError(
                    "the depth map is the same everywhere, so there is no depth to keep: give another one "
                    "or use image-to-image"
                )
        return {
            "prompt": [words(edit) for edit in edits],
            "negative_prompt": [self.negative] * len(edits),
            "image": list(images),
            "depth_map": depth,
            "strength": settings.strength,
            "num_inference_steps": settings.steps,
            "guidance_scale": settings.scale,
        }

    def finished(self, edit: Edit, drawn: Image.Image, facts: dict[str, Any]) -> Picture:
        return super().finished(
            edit, drawn, {**facts, "depth": "estimated" if edit.guide is None else "given"}
        )

    def _estimated(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """What the pipeline's own estimator says, as it would ask it: shape (n, height, width)."""
        estimator = self.pipeline.depth_estimator
        if estimator is None:
            raise SettingError(f"{self.label} has no depth estimator: give a depth map")
        device = self.pipeline._execution_device  # with offload the networks lie elsewhere than they work
        pixels = self.pipeline.feature_extractor(images=list(images), return_tensors="pt").pixel_values
        half = estimator.dtype != torch.float32
        with torch.no_grad(), torch.autocast(device.type, dtype=estimator.dtype, enabled=half):
            depth: torch.Tensor = estimator(pixels.to(device, estimator.dtype)).predicted_depth
        return depth.float()


def _depth(image: Image.Image, grain: int) -> torch.Tensor:
    """A map of grey levels, 0 far to 1 near; the pipeline stretches it to its range."""
    return torch.from_numpy(np.asarray(padded(image.convert("L"), grain), dtype=np.float32) / 255)
