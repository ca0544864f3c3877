"""What generators share that draw with models of the hub: options, checks, batches, provenance."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tasvir.errors import SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.layout import MAX_THINGS
from tasvir.models.drawable import require_drawable
from tasvir.models.load import LoadSettings
from tasvir.records import Layout, Picture, Prompt

if TYPE_CHECKING:
    from PIL import Image

    from tasvir.models.hub.text_to_image import Asked, TextToImage

Drawn = list[tuple["Image.Image", dict[str, Any]]]
"""Pictures, each with what is needed to draw it again."""


class HubGenerator(Generator):
    """Base of generators with hub models; subclasses give `name` and `_draw`.

    Args:
        model: The opened model.
        negative: What no picture shall show.
        batch: Most pictures drawn at once, at least 1.
        true_scale: Above 1, guidance against ``negative`` for models distilled for guidance (FLUX.1).

    Attributes:
        most_things: Things of a layout that the model reads.

    Raises:
        SettingError: The batch is out of its range.
    """

    most_things: ClassVar[int] = MAX_THINGS

    def __init__(
        self, model: TextToImage, negative: str, batch: int, true_scale: float | None = None
    ) -> None:
        if batch < 1:
            raise SettingError(f"batch is {batch}: give 1 or more")
        self.model = model
        self.native_size = model.native_size
        self._negative, self._true_scale = negative, true_scale
        self._batch = 1 if model.draws_singly else batch

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model.card.name}"

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:
        """See `Generator.identity`."""
        from tasvir.models.hub.pinning import pin

        return {} if model is None else pin(model, load)

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw, at most ``batch`` at once; see `Generator.draw`.

        Raises:
            SettingError: A layout that cannot be drawn, or a setting that the model cannot do.
        """
        from tasvir.models.hub.drawing import to_picture
        from tasvir.models.hub.text_to_image import Asked

        self.refuse_unread(layouts)
        require_drawable(layouts, self.most_things)
        asked = Asked(
            settings.size, settings.steps, settings.scale, settings.sampler, self._negative, self._true_scale
        )
        self.model.on_step = self.on_step
        drawn: Drawn = []
        for start in range(0, len(prompts), self._batch):
            part = slice(start, start + self._batch)
            drawn += self._draw([prompt.text for prompt in prompts[part]], layouts[part], seeds[part], asked)
        return [to_picture(image, {"generator": self.name, **facts}) for image, facts in drawn]

    @abstractmethod
    def _draw(
        self, texts: Sequence[str], layouts: Sequence[Layout | None], seeds: Sequence[int], asked: Asked
    ) -> Drawn:
        """Draw one batch."""
