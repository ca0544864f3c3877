"""The embedded guide: reads prompts of the picture world by a grammar, plans by geometry, sees by the
recogniser.

It knows the prompt's text and the pictures' pixels, never the truth of a scene, and needs no network. Its
replies are JSON texts, like those of a hosted model.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasvir.errors import SettingError
from tasvir.guide.base import Guide, Request
from tasvir.guide.embedded.grammar import read
from tasvir.guide.embedded.judging import judge
from tasvir.guide.embedded.planning import plan, revise
from tasvir.guide.embedded.redesigning import Sight, redesign
from tasvir.guide.replies import layout_form
from tasvir.models.load import LoadSettings
from tasvir.records import Layout, Picture
from tasvir.world.scene import Placed

Pixels = NDArray[np.uint8]
Seen = tuple[tuple[Placed, ...], str | None]
Reader = Callable[[Sequence[Pixels]], Sequence[Seen]]
"""Pictures [H, W, 3] -> for each what is there, farthest first, and the background (None = cannot say)."""


class EmbeddedGuide(Guide):
    """Plans and judges prompts in the picture world's language, offline.

    Args:
        reader: What looks at pictures; None = the shipped recogniser.
    """

    name: ClassVar[str] = "embedded"

    def __init__(self, reader: Reader | None = None) -> None:
        self._reader = reader or _recognise
        self._seen: dict[bytes, Seen] = {}

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:  # noqa: ARG003
        """See `Guide.identity`: the networks that look at pictures."""
        from tasvir.models.embedded import weights

        return {"weights": [weights.fingerprint_of(name) for name in ("recogniser", "inspector")]}

    def reply(self, request: Request, *, seed: int) -> str:
        """Answer a request.

        Raises:
            LanguageError: The prompt (or a phrase of the layout) is outside the world's language.
        """
        if request.skill == "ask":
            raise SettingError(
                "the embedded guide plans and judges, it answers no free questions: choose another"
            )
        description = read(request.prompt.text)
        seed += len(request.previous)
        if request.skill == "plan":
            return _layout_text(plan(description, seed), "Placed each thing by its first relation.")
        if request.skill == "revise":
            assert request.layout is not None
            layout, found = revise(description, request.layout, seed)
            return _layout_text(layout, "Nothing to change." if layout == request.layout else found.told())
        if request.skill == "judge":
            assert request.picture is not None
            things, background = self._look([request.picture])[0]
            verdict = judge(description, things, background)
            data = {"reasoning": verdict.reason, "score": verdict.score, "missing": list(verdict.missing)}
            return json.dumps(data)
        sights = self._look([attempt.picture for attempt in request.attempts])
        history = [Sight(*seen, a.layout) for seen, a in zip(sights, request.attempts, strict=True)]
        better, reason = redesign(description, history, seed)
        return _layout_text(better or Layout(), reason)

    def _look(self, pictures: Sequence[Picture]) -> list[Seen]:
        """See pictures, each once: a redesign looks at what was judged before."""
        new = list({picture.png: picture for picture in pictures if picture.png not in self._seen}.values())
        if len(self._seen) + len(new) > 64:
            self._seen, new = {}, list({picture.png: picture for picture in pictures}.values())
        if new:
            seen = self._reader([_pixels(picture) for picture in new])
            self._seen |= {picture.png: what for picture, what in zip(new, seen, strict=True)}
        return [self._seen[picture.png] for picture in pictures]


def _recognise(pictures: Sequence[Pixels]) -> Sequence[Seen]:
    from tasvir.models.embedded.inspector import read

    return read(pictures)


def _pixels(picture: Picture) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def _layout_text(layout: Layout, reasoning: str) -> str:
    return json.dumps({"reasoning": reasoning, **layout_form(layout)})
