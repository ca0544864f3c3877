"""The plugin end to end with a reader put in: prompt and PNG bytes in, records out by the common door."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from tasvir.errors import LanguageError
from tasvir.guide.embedded.parts import placed_of
from tasvir.guide.guides.embedded import EmbeddedGuide, Pixels, Seen
from tasvir.records import Attempt, Layout, Picture, Prompt
from tasvir.world.render import render
from tasvir.world.scene import Placed, Scene

PROMPT = Prompt("a red car left of a dog in the park")


class Reader:
    """Knows what it drew: finds a picture's things by its pixels."""

    def __init__(self) -> None:
        self.known: dict[bytes, Seen] = {}
        self.calls = 0

    def draw(self, things: tuple[Placed, ...], background: str) -> Picture:
        pixels = render(Scene(things, background=background))
        self.known[pixels.tobytes()] = (things, background)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return Picture(file.getvalue(), pixels.shape[1], pixels.shape[0])

    def __call__(self, pictures: Sequence[Pixels]) -> list[Seen]:
        self.calls += len(pictures)
        return [self.known[np.ascontiguousarray(pixels).tobytes()] for pixels in pictures]


@pytest.fixture
def reader() -> Reader:
    return Reader()


def _attempt(index: int, layout: Layout | None, picture: Picture) -> Attempt:
    return Attempt(index, layout, picture)


def test_a_round_of_all_four_skills(reader: Reader) -> None:
    guide = EmbeddedGuide(reader)
    layout = guide.revise(PROMPT, guide.plan(PROMPT, seed=0), seed=0)
    things = tuple(placed_of(layout))
    good = reader.draw(things, "park")
    assert guide.judge(PROMPT, good).score == 5
    assert guide.redesign(PROMPT, [_attempt(0, layout, good)], seed=0) is None

    carless = reader.draw(tuple(p for p in things if p.kind == "dog"), "park")
    verdict = guide.judge(PROMPT, carless)
    assert (verdict.score, verdict.missing) == (2, ("a red car",))
    assert verdict.reason == "Missing a red car."
    better = guide.redesign(PROMPT, [_attempt(0, layout, carless)], seed=0)
    assert better is not None and better != layout
    assert guide.repairs == 0


def test_each_picture_is_looked_at_once(reader: Reader) -> None:
    guide = EmbeddedGuide(reader)
    layout = guide.plan(PROMPT, seed=0)
    picture = reader.draw((), "sea")
    guide.judge(PROMPT, picture)
    guide.redesign(PROMPT, [_attempt(0, layout, picture)], seed=0)
    assert reader.calls == 1


def test_a_prompt_outside_the_language_is_refused_before_anything_is_seen(reader: Reader) -> None:
    guide = EmbeddedGuide(reader)
    with pytest.raises(LanguageError, match="kitten"):
        guide.judge(Prompt("a kitten"), reader.draw((), "plain"))
    assert reader.calls == 0


def test_a_text_of_absences_alone_is_planned_as_a_background() -> None:
    assert EmbeddedGuide(Reader()).plan(Prompt("no cats"), seed=0) == Layout((), "plain")
