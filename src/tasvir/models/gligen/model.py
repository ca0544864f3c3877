"""A GLIGEN of the hub: opened and checked, ready to draw batches of prompts with layouts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from PIL import Image

from tasvir.errors import SettingError
from tasvir.models.gligen.denoising import Course, draw
from tasvir.models.hub import calling
from tasvir.models.hub.drawing import blocked_reasons, check_steps, generators, use_sampler
from tasvir.models.hub.text_to_image import Asked, TextToImage, in_words, unread
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Layout

STEPS, SCALE = 50, 7.5
"""Where neither the user nor a card says otherwise: what GLIGEN was published with."""


class Gligen(TextToImage):
    """A model whose U-Net reads boxes and phrases; see `TextToImage`.

    Raises:
        UnknownNameError: No such model.
        HubError: It cannot be had, or wants code of its own to be trusted.
        SettingError: It is no GLIGEN of boxes and phrases.
    """

    def __init__(self, model: str, load: LoadSettings, text_cache: bool = True) -> None:
        super().__init__(model, load, text_cache)
        net = getattr(self.pipeline, "unet", None)
        if getattr(getattr(net, "config", None), "attention_type", None) != "gated":
            raise SettingError(
                f"{self.card.name} cannot be drawn with by GLIGEN: it has no U-Net with gated attention over "
                "boxes and phrases; `tasvir models list` names those that have (layout-to-image)"
            )

    def draw_layouts(
        self,
        texts: Sequence[str],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        asked: Asked,
        beta: float,
    ) -> list[tuple[Image.Image, dict[str, Any]]]:
        """Draw one batch, each picture from its own layout.

        Raises:
            SettingError: The model cannot do what is asked.
        """
        sampler = use_sampler(self.pipeline, asked.sampler)
        given = calling.step_arguments(self.pipeline, asked.steps, asked.scale, self.card)
        given = {"num_inference_steps": STEPS, "guidance_scale": SCALE, **given}
        course = Course(given["num_inference_steps"], given["guidance_scale"], beta, asked.negative or None)
        check_steps(self.pipeline, course.steps)
        if beta > 0 and course.grounded(course.steps) == 0 and any(one and one.things for one in layouts):
            raise SettingError(
                f"beta is {beta:g} and steps is {course.steps}: no step would see the boxes; "
                f"take {math.ceil(1 / beta - 1e-9)} steps or more, or a larger --set beta=N"
            )
        remembered = self.memory.at_work() if self.memory else nullcontext()
        with quiet(), remembered, in_words(len(texts)):
            output = draw(self.pipeline, texts, layouts, generators(seeds), asked.size, course, self.on_step)
        grounded = course.grounded(len(self.pipeline.scheduler.timesteps))
        facts = {**self._facts(given, sampler, asked), "beta": beta, "grounded_steps": grounded}
        reasons = blocked_reasons(output)
        return [
            (image, {**facts, "seed": seed, **unread(self.pipeline, text), **reason})
            for image, text, seed, reason in zip(output.images, texts, seeds, reasons, strict=True)
        ]
