"""What a generator is: prompts and layouts in, pictures out, the same picture for the same seed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tasvir.errors import SettingError
from tasvir.models.load import LoadSettings
from tasvir.records import Layout, Picture, Prompt

MAX_SIDE = 4096
MAX_STEPS = 1000
MAX_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """How to draw; None leaves the choice to the generator.

    Args:
        size: Width and height in pixels, 16 to 4096 each.
        steps: Denoising steps (num_inference_steps), 1 to 1000.
        scale: Classifier-free guidance scale, 0 to 100.
        sampler: Name of a plugin of kind "samplers".

    Raises:
        SettingError: A value out of its range.
    """

    size: tuple[int, int] = (128, 128)
    steps: int | None = None
    scale: float | None = None
    sampler: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(self.size))
        if len(self.size) != 2 or not all(16 <= side <= MAX_SIDE for side in self.size):
            shown = "x".join(str(side) for side in self.size)
            raise SettingError(f"size is {shown}: give width x height, each from 16 to {MAX_SIDE} pixels")
        if self.steps is not None and not 1 <= self.steps <= MAX_STEPS:
            raise SettingError(f"steps is {self.steps}: give 1 to {MAX_STEPS}")
        if self.scale is not None and not (math.isfinite(self.scale) and 0 <= self.scale <= MAX_SCALE):
            raise SettingError(f"scale is {self.scale}: give 0 to {MAX_SCALE:g}")


class Generator(ABC):
    """Base of all generators: subclasses give `name` and `draw`.

    Attributes:
        reads_layouts: False where a layout cannot be drawn, so that such a generator only works unguided.
        native_size: Width and height in pixels that are drawn where nobody asks for a size.
        on_step: Called with the step (from 1), how many there are, and the latents of the batch after every
            denoising step, by generators that can tell; what it raises ends the drawing.
    """

    name: ClassVar[str]
    reads_layouts: bool = True
    native_size: tuple[int, int] = (512, 512)
    on_step: Callable[[int, int, Any], None] | None = None

    @property
    def label(self) -> str:
        """What a trace calls it: the name, with the model where the name stands for many."""
        return self.name

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:  # noqa: ARG003  # of subclasses
        """What tells this model apart from others of its name, without opening it, ready for JSON.

        Args:
            model: What stands after the colon.
            load: How it would be opened.

        Returns:
            "weights", a hash of a folder's files, or "model" and "commit" of the hub.
        """
        return {} if model is None else {"model": model}

    def refuse_unread(self, layouts: Sequence[Layout | None]) -> None:
        """Refuse layouts where this generator reads none.

        Raises:
            SettingError: There is one.
        """
        if not self.reads_layouts and any(layout is not None for layout in layouts):
            raise SettingError(f"{self.label} reads no layouts: draw unguided, or choose another generator")

    @abstractmethod
    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw one picture for each prompt.

        Args:
            prompts: n prompts.
            layouts: n layouts; None draws from the text alone.
            seeds: n seeds, 0 to 2**32 - 1; the same seed gives the same picture in any batch.
            settings: Size, steps, scale and sampler for all of them.

        Returns:
            n pictures of `settings.size`, in order, with provenance.
        """


class StandIn(Generator):
    """Base of what stands before a generator and looks like it.

    Args:
        generator: Who really draws.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.reads_layouts, self.native_size = generator.reads_layouts, generator.native_size

    @property
    def label(self) -> str:
        return self._generator.label
