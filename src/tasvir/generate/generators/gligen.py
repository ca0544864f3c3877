"""Layouts drawn by GLIGEN (Li et al. 2023), IGLIGEN and their like: a token a box, shown for a share of the steps."""

from __future__ import annotations

from typing import Any, ClassVar

from tasvir.generate.hub import Batch, Drawn, HubGenerator, marked
from tasvir.models.gligen.denoising import Course, draw
from tasvir.models.gligen.grounding import MAX_OBJECTS
from tasvir.models.gligen.loading import open_gated
from tasvir.models.hub.cards import Card
from tasvir.models.load import LoadSettings


class GligenGenerator(HubGenerator):
    """GLIGEN by name, hub id or folder (gligen:gligen-sd14): boxes with phrases, up to 30."""

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
            model: A card's name, a hub id or a folder.
            load: Device, precision and so on.
            beta: Share of the steps that see the boxes, 0 to 1: more of it places better and looks worse.
            negative: What to steer away from.
            batch: Pictures at once, at least 1.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had.
            SettingError: It is no GLIGEN, or an option is out of its range.
        """
        Course(1, 1.0, beta)  # an option out of its range shows itself before a model is fetched
        self.beta = beta
        super().__init__(model, load, negative, batch)

    def _open(self, card: Card, load: LoadSettings) -> Any:
        return open_gated(card, load)

    def _draw(self, batch: Batch) -> list[Drawn]:
        course = Course(batch.steps, batch.scale, self.beta, self.negative or None)
        drawn = draw(self.pipeline, batch.prompts, batch.layouts, batch.generators, batch.size, course)
        grounded = {"grounded_steps": course.grounded(len(self.pipeline.scheduler.timesteps))}
        return [Drawn(one.image, one.details | grounded) for one in marked(drawn.images, drawn.blocked)]

    def _options(self) -> dict[str, Any]:
        return {"beta": self.beta}
