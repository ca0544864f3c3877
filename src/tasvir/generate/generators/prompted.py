"""Layouts written into the prompt, for models that were trained to read boxes there (FLUX 3, MOSS-Image)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tasvir.errors import SettingError
from tasvir.generate.hub_drawing import Drawn, HubGenerator
from tasvir.models.hub.cards import find
from tasvir.models.hub.text_to_image import Asked, TextToImage
from tasvir.models.layout_prompts import WRITERS, require_readable, written
from tasvir.models.load import LoadSettings
from tasvir.records import Layout

CODEC_OF_FAMILY = {"flux-3": "flux3", "moss-image": "moss"}


class PromptedGenerator(HubGenerator):
    """The layout written into the prompt, for models that read it there: prompted:NAME, hub id or folder."""

    name: ClassVar[str] = "prompted"

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        codec: str = "",
        negative: str = "",
        batch: int = 4,
    ) -> None:
        """Open a model.

        Args:
            model: Name of a card, hub id or folder.
            load: How it is opened.
            codec: How boxes are written, "flux3" or "moss"; "" takes what the model's family reads.
            negative: What no picture shall show.
            batch: Most pictures drawn at once, at least 1.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had.
            SettingError: Nobody says how its boxes are written, or an option is out of its range.
        """
        self._codec = codec or CODEC_OF_FAMILY.get(find(model).family, "")
        if self._codec not in WRITERS:
            raise SettingError(
                f"codec is {self._codec!r}: say how this model reads boxes, one of {', '.join(WRITERS)} "
                "(--set codec=NAME); models that were not trained so read none"
            )
        super().__init__(TextToImage(model, load), negative, batch)

    def _draw(
        self, texts: Sequence[str], layouts: Sequence[Layout | None], seeds: Sequence[int], asked: Asked
    ) -> Drawn:
        prompts = [
            written(self._codec, text, layout, asked.size)
            for text, layout in zip(texts, layouts, strict=True)
        ]
        for prompt, layout in zip(prompts, layouts, strict=True):
            if layout is not None:
                require_readable(self.model.pipeline, prompt)
        drawn = self.model.draw(prompts, seeds, asked)
        return [
            (image, {**facts, "codec": self._codec, "written": prompt})
            for (image, facts), prompt in zip(drawn, prompts, strict=True)
        ]
