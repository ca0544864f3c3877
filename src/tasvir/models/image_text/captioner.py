"""Pictures in words: BLIP captioners (Li et al. 2022), always the same words for the same picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, BlipForConditionalGeneration

from tasvir.errors import HubError
from tasvir.models.image_text.opening import Opened, open_model, parts
from tasvir.models.load import LoadSettings

BEAMS, LONGEST = 3, 40
"""Captions that are followed at once, and the most tokens of one."""


def open_captioner(model: str, load: LoadSettings | None = None) -> Captioner:
    """A model that captions pictures.

    Args:
        model: "embedded", a folder or a hub id of a BLIP for captions.
        load: Device, precision, revision; None = the usual ones.

    Raises:
        UnknownNameError: No such folder, and no hub id.
        HubError: The model cannot be had or read, or is no BLIP for captions.
        NotShippedError: "embedded", and none is shipped.
        SettingError: No such device.
    """
    opened = open_model(AutoModelForImageTextToText, "captioner", model, load or LoadSettings())
    if not isinstance(opened.network, BlipForConditionalGeneration):
        kind = type(opened.network).__name__
        raise HubError(
            f"{model} is a {kind}: give a BLIP for captions, like Salesforce/blip-image-captioning-base"
        )
    return Captioner(opened)


class Captioner:
    """Writes a caption of a picture by beam search without chance; see `open_captioner`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.identity = {**opened.identity, "beams": BEAMS, "longest": LONGEST}

    @torch.no_grad()
    def caption(self, pictures: Sequence[Image.Image]) -> list[str]:
        """One caption for each PIL picture in RGB."""
        found: list[str] = []
        for part in parts(len(pictures)):
            tokens = self._opened.network.generate(
                pixel_values=self._opened.pixels(pictures[part]),
                num_beams=BEAMS,
                do_sample=False,
                max_new_tokens=LONGEST,
            )
            said = self._opened.processor.tokenizer.batch_decode(tokens, skip_special_tokens=True)
            found += [text.strip() for text in said]
        return found
