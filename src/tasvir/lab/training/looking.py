"""Looking at a model while it is trained: samples of the averaged weights, a picture every few minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor, nn

from tasvir.errors import NotFiniteError, OutputError
from tasvir.lab.data.base import Kind
from tasvir.lab.data.showing import can_be_shown, pictured
from tasvir.lab.diffusion.methods.base import Model

POINTS, PICTURES = 4000, 36
SEED = 0
"""Always the same noise, so that the pictures show what has changed."""
AT_MOST = 1 / 20
"""Share of the time that looking may take, whatever the interval."""


class Looking:
    """Draws samples of a run into its folder "samples".

    Args:
        model: What is trained.
        kind: Of the data.
        shape: Of one sample.
        folder: Of the run.
        minutes: So long between two looks; 0 = none but the last.
    """

    def __init__(
        self, model: Model, kind: Kind, shape: tuple[int, ...], folder: Path, minutes: float
    ) -> None:
        self.model, self.kind, self.shape = model, kind, shape
        self.folder, self.minutes = folder / "samples", minutes
        self.next_look = 60 * minutes

    def __call__(self, step: int, seconds: float, average: Mapping[str, Tensor]) -> None:
        """After a step: look if it is time. See `tasvir.lab.training.loop.OnTheWay`.

        Raises:
            OutputError: The picture cannot be written.
        """
        if self.minutes <= 0 or seconds < self.next_look:
            return
        began = time.monotonic()
        with _in_place(self.model.network, average):
            self.draw(f"step-{step:07d}.png")
        self.next_look = seconds + max(60 * self.minutes, (time.monotonic() - began) / AT_MOST)

    def draw(self, name: str) -> None:
        """Samples of the weights as they are; of models that have no picture, or no sample yet, none.

        Raises:
            OutputError: The picture cannot be written.
        """
        if not can_be_shown(self.kind, self.shape):
            return
        try:
            found = self.model.sample(PICTURES if len(self.shape) == 3 else POINTS, SEED).x
        except NotFiniteError:
            return  # weights of the first minutes; training goes on, and the last look tells
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            pictured(found).save(self.folder / name)
        except OSError as problem:
            raise OutputError(
                f"samples cannot be written to {self.folder} ({problem.strerror or problem}): make room, "
                "then go on with --resume"
            ) from problem


@contextmanager
def _in_place(network: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    own = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)
