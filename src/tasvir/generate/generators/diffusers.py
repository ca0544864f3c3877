"""Text-to-image with the models of the hub through diffusers: Stable Diffusion 1 to 3.5, SDXL, FLUX, unCLIP,
Kandinsky, PixArt, Sana and every other pipeline that draws from a text alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tasvir.errors import SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.models.hub.drawing import to_picture
from tasvir.models.hub.text_to_image import Asked, TextToImage
from tasvir.models.load import LoadSettings
from tasvir.records import Layout, Picture, Prompt


class DiffusersGenerator(Generator):
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
        if batch < 1:
            raise SettingError(f"batch is {batch}: give 1 or more")
        self.model = TextToImage(model, load, text_cache)
        self.native_size = self.model.native_size
        self._negative, self._true_scale = negative, true_scale
        self._batch = 1 if self.model.draws_singly else batch

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model.card.name}"

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw, at most ``batch`` at once; see `Generator.draw`.

        Raises:
            SettingError: A layout, or a setting that the model cannot do.
        """
        if any(layout is not None for layout in layouts):
            raise SettingError(
                f"{self.label} reads no layouts: draw without a guide, or take a generator that reads them"
            )
        asked = Asked(
            settings.size, settings.steps, settings.scale, settings.sampler, self._negative, self._true_scale
        )
        self.model.on_step = self.on_step
        drawn = []
        for start in range(0, len(prompts), self._batch):
            part = slice(start, start + self._batch)
            drawn += self.model.draw([prompt.text for prompt in prompts[part]], seeds[part], asked)
        return [to_picture(image, {"generator": self.name, **facts}) for image, facts in drawn]
