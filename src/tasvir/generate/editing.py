"""What an editor is: pictures (and prompts) in, pictures out: upscaling, inpainting, varying."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from tasvir.errors import SettingError
from tasvir.generate.base import MAX_SCALE, MAX_STEPS
from tasvir.records import Picture, Prompt

Use = Literal["never", "may", "must"]
"""Whether an editor takes something: never, if it is given, or only with it."""


@dataclass(frozen=True, slots=True)
class EditSettings:
    """How to edit; None leaves the choice to the editor.

    Args:
        strength: How much of the picture is drawn anew, above 0 (next to nothing) to 1 (everything).
        steps: Denoising steps (num_inference_steps), 1 to 1000.
        scale: Classifier-free guidance scale, 0 to 100.
        sampler: Name of a plugin of kind "samplers".

    Raises:
        SettingError: A value out of its range.
    """

    strength: float | None = None
    steps: int | None = None
    scale: float | None = None
    sampler: str | None = None

    def __post_init__(self) -> None:
        if self.strength is not None and not 0 < self.strength <= 1:
            raise SettingError(f"strength is {self.strength}: give more than 0 and at most 1")
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise SettingError(f"steps is {self.steps}: give 1 to {MAX_STEPS}")
        if self.scale is not None and not (math.isfinite(self.scale) and 0 <= self.scale <= MAX_SCALE):
            raise SettingError(f"scale is {self.scale}: give 0 to {MAX_SCALE:g}")


@dataclass(frozen=True, slots=True)
class Edit:
    """One picture to edit.

    Args:
        picture: What is edited.
        seed: 0 to 2**32 - 1.
        prompt: What the result shall show; None where no text is given.
        guide: A second picture of the same size: a mask (white is drawn anew) or a depth map (white is near).
    """

    picture: Picture
    seed: int
    prompt: Prompt | None = None
    guide: Picture | None = None


class Editor(ABC):
    """Base of all editors: subclasses give `name`, `redraw` and what they take.

    Attributes:
        takes_prompt: Whether text steers it.
        takes_guide: Whether a second picture steers it.
        takes_strength: Whether `EditSettings.strength` means anything to it.
        guide_means: What the second picture is, in words, for messages.
        batch: How many pictures it draws at once; more may be asked for.
    """

    name: ClassVar[str]
    batch: int = 1
    takes_prompt: Use = "may"
    takes_guide: Use = "never"
    takes_strength: bool = False
    guide_means: str = "guide picture"

    @property
    def label(self) -> str:
        """What provenance calls it: the name, with the model where the name stands for many."""
        return self.name

    def size_after(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height that come out where those go in."""
        return size

    def edit(self, edits: Sequence[Edit], settings: EditSettings) -> list[Picture]:
        """Edit a batch.

        Args:
            edits: n pictures with what belongs to each; the same seed gives the same picture in any batch.
            settings: Strength, steps, scale and sampler for all of them.

        Returns:
            n pictures in order, with provenance; their sizes are those of `size_after`.

        Raises:
            SettingError: Something that this editor needs is missing, or something is given that it does not
                take.
        """
        self.check(edits, settings)
        return self.redraw(edits, settings) if edits else []

    def check(self, edits: Sequence[Edit], settings: EditSettings) -> None:
        """Find what is wrong before anything is drawn; see `edit`."""
        if settings.strength is not None and not self.takes_strength:
            raise SettingError(f"{self.label} takes no strength: leave it out")
        for edit in edits:
            self._check(edit)

    @abstractmethod
    def redraw(self, edits: Sequence[Edit], settings: EditSettings) -> list[Picture]:
        """Do what `edit` promises; what is asked has been checked, and there is at least one picture."""

    def _check(self, edit: Edit) -> None:
        for what, use, given in (
            ("prompt", self.takes_prompt, edit.prompt),
            (self.guide_means, self.takes_guide, edit.guide),
        ):
            if use == "never" and given is not None:
                raise SettingError(f"{self.label} takes no {what}: leave it out")
            if use == "must" and given is None:
                raise SettingError(f"{self.label} needs a {what}: give one")
        size, guide = (edit.picture.width, edit.picture.height), edit.guide
        if guide is not None and (guide.width, guide.height) != size:
            raise SettingError(
                f"the {self.guide_means} is {guide.width}x{guide.height}, the picture {size[0]}x{size[1]}: "
                "give both in the same size"
            )
