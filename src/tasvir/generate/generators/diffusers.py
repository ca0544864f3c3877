"""Text-to-image with the models of the hub through diffusers: Stable Diffusion 1 to 3.5, SDXL, FLUX, unCLIP,
Kandinsky, PixArt, Sana and every other pipeline that draws from a text alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tasvir.generate.hub_drawing import Drawn, HubGenerator
from tasvir.models.hub.text_to_image import Asked, TextToImage
from tasvir.models.load import LoadSettings
from tasvir.records import Layout


class DiffusersGenerator(HubGenerator):
    """Text-to-image models of the hub: diffusers:NAME, a hub id or a folder; see `tasvir models list`."""

    name: ClassVar[str] = "diffusers"
    reads_layouts = False

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        negative: str = "",
        true_scale: float | None = None,
        batch: int = 8,
        text_cache: bool = True,
    ) -> None:
        """Open a model.

        Args:
            model: Name of a card, hub id or folder.
            load: How it is opened.
            negative: What no picture shall show.
            true_scale: Above 1, guidance against ``negative`` for models distilled for guidance (FLUX.1).
            batch: Most pictures drawn at once, at least 1.
            text_cache: Encode each text once.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had, or does not draw from a text alone.
            SettingError: An option out of its range, or no such device.
        """
        super().__init__(TextToImage(model, load, text_cache), negative, batch, true_scale)

    def _draw(
        self,
        texts: Sequence[str],
        layouts: Sequence[Layout | None],  # noqa: ARG002  # all None
        seeds: Sequence[int],
        asked: Asked,
    ) -> Drawn:
        return self.model.draw(texts, seeds, asked)
