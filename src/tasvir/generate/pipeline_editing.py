"""Editing through a diffusers pipeline: what all such editors share.

The networks work on multiples of some pixels. Diffusers shrinks a picture to the next lower multiple; here it
is padded with its own edge to the next higher one and what comes out is cut, so that no pixel is lost.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from tasvir.errors import PluginError, SettingError
from tasvir.generate.editing import Edit, Editor, EditSettings
from tasvir.models.hub.cards import find
from tasvir.models.hub.drawing import (
    blocked_reasons,
    check_steps,
    generators,
    to_image,
    to_picture,
    use_sampler,
)
from tasvir.models.hub.loading import commit, open_pipeline
from tasvir.models.hub.text_to_image import unread
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Picture


class PipelineEditor(Editor):
    """An editor that calls a diffusers pipeline: subclasses give `name`, `kind` and `arguments`.

    Attributes:
        kind: The diffusers class to open the model with; None takes the model's own.
        factor: How many times larger a picture comes out.
        grain: Sides are padded to multiples of so many pixels.
        steps: Denoising steps where nobody says otherwise and the model's card says nothing.
        scale: Guidance scale, likewise; None takes the pipeline's.
        strength: Share that is drawn anew, likewise.
    """

    kind: Any = None
    factor: int = 1
    steps: int = 50
    scale: float | None = None
    strength: float = 1.0

    def __init__(self, model: str, load: LoadSettings, batch: int) -> None:
        """Open the model.

        Args:
            model: A card's name, hub id or folder.
            load: How it is opened.
            batch: Most pictures a call. A picture that is drawn alone is exactly the same whatever else is
                asked; in a batch it may differ by a level or two, from the order of the sums.

        Raises:
            HubError: The model cannot be had.
            SettingError: No such device, or batch below 1.
        """
        if batch < 1:
            raise SettingError(f"batch is {batch}: give at least 1")
        self.model, self.batch, self.card = model, batch, find(model)
        self.steps = self.card.steps or self.steps
        self.scale = self.scale if self.card.scale is None else self.card.scale
        self.pipeline: Any = open_pipeline(self.card, load, self.kind)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def grain(self) -> int:
        return int(self.pipeline.vae_scale_factor)

    def size_after(self, size: tuple[int, int]) -> tuple[int, int]:
        return size[0] * self.factor, size[1] * self.factor

    @abstractmethod
    def arguments(
        self, edits: Sequence[Edit], images: Sequence[Image.Image], settings: EditSettings
    ) -> dict[str, Any]:
        """What the pipeline is called with, beside generators.

        Args:
            edits: n pictures of one size.
            images: The same, padded, RGB.
            settings: Every field but the sampler is set if the editor takes it.
        """

    def finished(self, edit: Edit, drawn: Image.Image, facts: dict[str, Any]) -> Picture:
        """A picture, already cut to its size, with what its provenance tells.

        Args:
            edit: What was asked.
            drawn: What the pipeline drew; black where ``facts`` say that it was blocked.
            facts: What is told of every edit.
        """
        text = words(edit)
        lost = unread(self.pipeline, text) if text else {}
        return to_picture(drawn, {**facts, "seed": edit.seed, "prompt": text or None, **lost})

    def check(self, edits: Sequence[Edit], settings: EditSettings) -> None:
        """See `Editor.check`; a strength x steps of less than one step is found too."""
        super().check(edits, settings)
        filled = self._filled(settings)
        share, steps = filled.strength, filled.steps or self.steps
        if share is not None and int(steps * share) < 1:
            raise SettingError(
                f"strength {share:g} of {steps} steps is less than one step, so nothing would be "
                f"drawn: give a strength of at least {math.ceil(100 / steps) / 100:g} or more steps"
            )

    def redraw(self, edits: Sequence[Edit], settings: EditSettings) -> list[Picture]:
        """See `Editor.redraw`.

        Raises:
            SettingError: The sampler does not fit the model, or cannot do so few steps.
        """
        settings = self._filled(settings)
        sampler = use_sampler(self.pipeline, settings.sampler)
        check_steps(self.pipeline, settings.steps or self.steps)
        facts = {
            "editor": self.name,
            "model": self.card.name,
            "source": self.card.source,
            "commit": commit(self.pipeline),
            "pipeline": type(self.pipeline).__name__,
            "sampler": sampler,
        }
        made: dict[int, Picture] = {}
        for chosen in self._batches(edits):
            some = [edits[index] for index in chosen]
            made.update(zip(chosen, self._drawn(some, settings, facts), strict=True))
        return [made[index] for index in range(len(edits))]

    def _filled(self, settings: EditSettings) -> EditSettings:
        return EditSettings(
            strength=(settings.strength or self.strength) if self.takes_strength else None,
            steps=settings.steps or self.steps,
            scale=self.scale if settings.scale is None else settings.scale,
            sampler=settings.sampler,
        )

    def _batches(self, edits: Sequence[Edit]) -> Iterator[list[int]]:
        """Indices of pictures that can be drawn in one call: of one size, with a guide or without."""
        alike: dict[tuple[int, int, bool], list[int]] = {}
        for index, edit in enumerate(edits):
            key = (edit.picture.width, edit.picture.height, edit.guide is not None)
            alike.setdefault(key, []).append(index)
        for indices in alike.values():
            for start in range(0, len(indices), self.batch):
                yield indices[start : start + self.batch]

    def _drawn(
        self, edits: Sequence[Edit], settings: EditSettings, facts: dict[str, Any]
    ) -> Iterator[Picture]:
        images = [padded(to_image(edit.picture), self.grain) for edit in edits]
        arguments = self.arguments(edits, images, settings)
        with quiet():
            output = self.pipeline(**arguments, generator=generators([edit.seed for edit in edits]))
        facts = {
            **facts,
            "steps": _said(arguments, "num_inference_steps"),
            "scale": _said(arguments, "guidance_scale", "cfg_scale"),
            **({"strength": settings.strength} if self.takes_strength else {}),
        }
        drawings = zip(edits, images, output.images, blocked_reasons(output), strict=True)
        for edit, image, drawn, blocked in drawings:
            size = self.size_after((edit.picture.width, edit.picture.height))
            if drawn.size != self.size_after(image.size):
                raise PluginError(
                    f"{type(self.pipeline).__name__} drew {drawn.width}x{drawn.height} from a picture of "
                    f"{image.width}x{image.height}: {self.name} cannot be used with this model"
                )
            padding = {"padded_to": list(image.size)} if size != drawn.size else {}
            yield self.finished(edit, drawn.crop((0, 0, *size)), {**facts, **padding, **blocked})


def _said(arguments: dict[str, Any], *endings: str) -> Any:
    """The first argument whose name ends so: pipelines have names of their own for steps and scale."""
    return next((value for name, value in arguments.items() if name.endswith(endings)), None)


def words(edit: Edit) -> str:
    """The text of an edit, "" where there is none."""
    return "" if edit.prompt is None else edit.prompt.text


def padded(image: Image.Image, grain: int) -> Image.Image:
    """An image grown to the right and below with its own edge until its sides are multiples of ``grain``."""
    right, below = -image.width % grain, -image.height % grain
    if not (right or below):
        return image
    margins = ((0, below), (0, right), (0, 0))[: 3 if image.mode == "RGB" else 2]
    return Image.fromarray(np.pad(np.asarray(image), margins, mode="edge"))
