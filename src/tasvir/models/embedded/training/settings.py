"""What one command that trains an embedded model was asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasvir.errors import SettingError
from tasvir.lab.training.settings import LoopSettings
from tasvir.world.scene import BACKGROUNDS


@dataclass(frozen=True, slots=True)
class TrainSettings(LoopSettings):
    """What one training command was asked: the loop's settings, and from what else the model learns.

    Args:
        vae: Folder of a trained autoencoder; None = the shipped one.
        pipeline: Folder of a trained generator; None = the shipped one.
        recogniser: Folder of a trained recogniser; None = the shipped one.
        clip: Folder of a CLIP whose text tower reads a generator's prompts; None = an encoder of its own.
        background: The only background that a generator is trained on; None = all.

    Raises:
        SettingError: A number out of its range, or an unknown dtype or background.
    """

    vae: Path | None = None
    pipeline: Path | None = None
    recogniser: Path | None = None
    clip: Path | None = None
    background: str | None = None

    def __post_init__(self) -> None:
        LoopSettings.__post_init__(self)  # super() does not find its way in a dataclass with slots
        if self.background is not None and self.background not in BACKGROUNDS:
            raise SettingError(f"background is {self.background!r}: give one of {', '.join(BACKGROUNDS)}")
