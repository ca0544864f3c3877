"""Many loops, one generator: loops wait in threads, pictures are drawn in batches in the thread that serves.

While some prompts wait for a guide's answer, others are drawn: neither the GPU nor the service stands idle.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import ClassVar

from tasvir.errors import TasvirError
from tasvir.generate.base import DrawSettings, Generator, StandIn
from tasvir.records import Layout, Picture, Prompt

_LOOK = 0.2
"""Seconds that a loop waits for its picture before it looks whether all was stopped."""


@dataclass(slots=True)
class _Wish:
    """One picture that a loop waits for."""

    prompt: Prompt
    layout: Layout | None
    seed: int
    settings: DrawSettings
    picture: Future[Picture] = field(default_factory=Future)


class DrawingQueue(StandIn):
    """Stands in for a generator in any number of threads; `serve` draws what they wait for.

    Args:
        generator: Who really draws; used by the serving thread alone.
        batch: Most pictures drawn at once.
    """

    name: ClassVar[str] = "queue"

    def __init__(self, generator: Generator, batch: int = 8) -> None:
        super().__init__(generator)
        self._batch = batch
        self._wishes: queue.Queue[_Wish] = queue.Queue()
        self._stopped = False

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Wait until the serving thread has drawn; see `Generator.draw`.

        Raises:
            KeyboardInterrupt: `stop` was called.
            TasvirError: What the generator raised for one of these pictures.
        """
        wishes = [_Wish(*each, settings) for each in zip(prompts, layouts, seeds, strict=True)]
        for wish in wishes:
            self._wishes.put(wish)
        return [self._awaited(wish) for wish in wishes]

    def _awaited(self, wish: _Wish) -> Picture:
        while True:
            try:
                return wish.picture.result(_LOOK)
            except TimeoutError:
                # also a wish that Ctrl-C took out of the serving thread's hands
                if self._stopped:
                    raise KeyboardInterrupt from None

    def serve(self, timeout: float) -> int:
        """Draw one batch of what is waited for; returns how many pictures that were, none after `stop`.

        Args:
            timeout: Seconds to wait for a first wish; 0 where there is none by then.
        """
        if self._stopped:
            time.sleep(timeout)
            return 0
        try:
            wishes = [self._wishes.get(timeout=timeout)]
        except queue.Empty:
            return 0
        later: list[_Wish] = []
        while len(wishes) < self._batch and not self._wishes.empty():
            wish = self._wishes.get()
            (wishes if wish.settings == wishes[0].settings else later).append(wish)
        for wish in later:
            self._wishes.put(wish)
        self._draw(wishes)
        return len(wishes)

    def _draw(self, wishes: list[_Wish]) -> None:
        """Draw a batch; where it fails each alone, so that one wrong layout spoils no other picture."""
        try:
            pictures = self._generator.draw(
                [wish.prompt for wish in wishes],
                [wish.layout for wish in wishes],
                [wish.seed for wish in wishes],
                wishes[0].settings,
            )
        except TasvirError as problem:
            if len(wishes) == 1:
                wishes[0].picture.set_exception(problem)
                return
            for wish in wishes:
                self._draw([wish])
            return
        for wish, picture in zip(wishes, pictures, strict=True):
            wish.picture.set_result(picture)

    def stop(self) -> None:
        """Let nobody wait any longer: their loops end as if Ctrl-C had been pressed in them."""
        self._stopped = True
