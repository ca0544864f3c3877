"""Layouts drawn by regional prompting (Yang et al. 2024, RPG): untrained, any Stable Diffusion 1, 2 or XL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from tasvir.errors import SettingError
from tasvir.generate.hub_drawing import Drawn, HubGenerator
from tasvir.models.hub.text_to_image import Asked, TextToImage
from tasvir.models.load import LoadSettings
from tasvir.models.regional import listening, regions_of
from tasvir.records import Layout


class RegionalGenerator(HubGenerator):
    """Regional prompting: regional:NAME, a hub id or a folder of Stable Diffusion 1, 2 or XL."""

    name: ClassVar[str] = "regional"

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        base_ratio: float = 0.5,
        negative: str = "",
        batch: int = 4,
    ) -> None:
        """Open a model.

        Args:
            model: Name of a card, hub id or folder.
            load: How it is opened.
            base_ratio: Share of the prompt inside the boxes, 0 (phrases alone) to 1 (no regions).
            negative: What no picture shall show.
            batch: Most pictures drawn at once, at least 1.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had.
            SettingError: It is of another family, or an option is out of its range.
        """
        if not 0 <= base_ratio <= 1:
            raise SettingError(f"base_ratio is {base_ratio}: give the share of the prompt, 0 to 1")
        self._base = base_ratio
        super().__init__(TextToImage(model, load), negative, batch)
        pipeline = self.model.pipeline
        if not isinstance(pipeline, StableDiffusionPipeline | StableDiffusionXLPipeline):
            raise SettingError(
                f"{self.label} is a {type(pipeline).__name__}: regional prompting works on the "
                "cross-attention of Stable Diffusion 1, 2 and XL"
            )

    def _draw(
        self, texts: Sequence[str], layouts: Sequence[Layout | None], seeds: Sequence[int], asked: Asked
    ) -> Drawn:
        pipeline = self.model.pipeline
        regions = regions_of(pipeline, layouts, asked.size, self._base)
        if regions is None:
            drawn = self.model.draw(texts, seeds, asked)
        else:
            with listening(pipeline.unet, regions):
                drawn = self.model.draw(texts, seeds, asked)
        return [(image, {**facts, "base_ratio": self._base}) for image, facts in drawn]
