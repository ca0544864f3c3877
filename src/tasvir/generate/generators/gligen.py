"""Layouts drawn by GLIGEN (Li et al. 2023) and its like: a token a box, shown for a share of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tasvir.generate.hub_drawing import Drawn, HubGenerator
from tasvir.models.gligen.denoising import require_beta
from tasvir.models.gligen.grounding import MAX_OBJECTS
from tasvir.models.gligen.model import Gligen
from tasvir.models.hub.text_to_image import Asked
from tasvir.models.load import LoadSettings
from tasvir.records import Layout


class GligenGenerator(HubGenerator):
    """GLIGEN: gligen:NAME, a hub id or a folder; up to 30 boxes with phrases."""

    name: ClassVar[str] = "gligen"
    most_things = MAX_OBJECTS

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        beta: float = 0.3,
        negative: str = "",
        batch: int = 4,
    ) -> None:
        """Open a model.

        Args:
            model: Name of a card, hub id or folder.
            load: How it is opened.
            beta: Share of the steps that see the boxes, 0 to 1: more of it places better and looks worse.
            negative: What no picture shall show.
            batch: Most pictures drawn at once, at least 1.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had.
            SettingError: It is no GLIGEN, or an option is out of its range.
        """
        require_beta(beta)
        self._beta = beta
        self._gligen = Gligen(model, load)
        super().__init__(self._gligen, negative, batch)

    def _draw(
        self, texts: Sequence[str], layouts: Sequence[Layout | None], seeds: Sequence[int], asked: Asked
    ) -> Drawn:
        return self._gligen.draw_layouts(texts, layouts, seeds, asked, self._beta)
