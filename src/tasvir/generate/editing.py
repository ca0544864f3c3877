"""What an editor is: pictures (and prompts) in, pictures out: upscaling, inpainting, varying."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tasvir.errors import SettingError
from tasvir.generate.base import MAX_SCALE, MAX_STEPS
from tasvir.records import Picture, Prompt


@dataclass(frozen=True, slots=True)
class EditSettings:
    """How to edit; None leaves the choice to the editor.

    Args:
        strength: How much of the picture is drawn anew, 0 (nothing) to 1 (everything).
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
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise SettingError(f"strength is {self.strength}: give 0 to 1")
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise SettingError(f"steps is {self.steps}: give 1 to {MAX_STEPS}")
        if self.scale is not None and not (math.isfinite(self.scale) and 0 <= self.scale <= MAX_SCALE):
            raise SettingError(f"scale is {self.scale}: give 0 to {MAX_SCALE:g}")


class Editor(ABC):
    """Base of all editors: subclasses give `name` and `edit`.

    Attributes:
        takes_guide_picture: A second picture steers it: a mask (white is drawn anew) or a depth map (white is
            near).
        needs_prompt: False where the text may be empty.
    """

    name: ClassVar[str]
    takes_guide_picture: bool = False
    needs_prompt: bool = True

    @property
    def label(self) -> str:
        """What provenance calls it: the name, with the model where the name stands for many."""
        return self.name

    @abstractmethod
    def edit(
        self,
        pictures: Sequence[Picture],
        prompts: Sequence[Prompt | None],
        seeds: Sequence[int],
        settings: EditSettings,
        guides: Sequence[Picture | None],
    ) -> list[Picture]:
        """Edit a batch.

        Args:
            pictures: n pictures.
            prompts: n prompts; None where no text is given.
            seeds: n seeds, 0 to 2**32 - 1; the same seed gives the same picture in any batch.
            settings: Strength, steps, scale and sampler for all of them.
            guides: n masks or depth maps, or None where there is none.

        Returns:
            n pictures in order, with provenance.

        Raises:
            SettingError: Something that this editor needs is missing, or it takes no guide picture.
        """
