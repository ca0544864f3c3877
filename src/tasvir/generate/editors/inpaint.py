"""Inpainting: what a mask shows in white is drawn anew, everything else stays as it was, to the last bit.

A network made for it (nine input channels) sees mask and masked picture; any other is led by putting the
noised original back around the mask after each step (Lugmayr et al. 2022, RePaint, without its resampling).
Either way the autoencoder blurs what it only had to copy, so the original pixels are pasted over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PIL import Image

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings, Use
from tasvir.generate.editors.image_to_image import ImageToImageEditor
from tasvir.generate.pipeline_editing import padded
from tasvir.models.hub.drawing import to_image
from tasvir.models.hub.tasks import inpainting
from tasvir.models.load import LoadSettings
from tasvir.records import Picture

WHITE = 128
"""The lowest grey of a mask that counts as white, as in diffusers."""


class InpaintEditor(ImageToImageEditor):
    """Draws anew what is white in a mask; the rest keeps its pixels."""

    name: ClassVar[str] = "inpaint"
    kind = staticmethod(inpainting)
    takes_prompt: Use = "may"
    takes_guide: Use = "must"
    guide_means = "mask"
    strength = 1.0

    def __init__(
        self,
        model: str = "sd2-inpainting",
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        batch: int = 1,
        negative: str = "",
        true_scale: float | None = None,
        keep: bool = True,
    ) -> None:
        """Open the model; with ``keep`` off the picture outside the mask comes from the autoencoder."""
        super().__init__(model, load, batch, negative, true_scale)
        self.keep = keep

    def check(self, edits: Sequence[Edit], settings: EditSettings) -> None:
        """See `Editor.check`; a mask without white is refused too."""
        super().check(edits, settings)
        if not all(_mask(edit.guide).getbbox() for edit in edits if edit.guide is not None):
            raise SettingError(
                "the mask has nothing white, so nothing would be drawn anew: white is drawn anew, black stays"
            )

    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        masks = [_mask(edit.guide) for edit in edits if edit.guide is not None]
        return {
            **super().arguments(edits, images, settings),
            "mask_image": [padded(mask, self.grain) for mask in masks],
        }

    def finished(self, edit: Edit, drawn: Image.Image, facts: dict[str, Any]) -> Picture:
        if self.keep and edit.guide is not None and "blocked" not in facts:
            drawn = Image.composite(drawn, to_image(edit.picture), _mask(edit.guide))
        return super().finished(edit, drawn, {**facts, "kept_outside_mask": self.keep})

    def _check_channels(self) -> None:
        """Any number of channels that diffusers takes will do here."""


def _mask(guide: Picture) -> Image.Image:
    """Black and white, without grey."""
    return to_image(guide).convert("L").point([255 * (level >= WHITE) for level in range(256)])
