"""GenEval's rules, each with a picture that breaks it and the reason that is given."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image, ImageColor
from tests.score.scripted import Scripted, picture, prompt, seen, use

from tasvir.errors import SettingError
from tasvir.models.detection import colors
from tasvir.models.detection.base import Detection
from tasvir.records import Box, Picture
from tasvir.score.geneval_rules import COLORS, Requirement, Requirements, from_facts, positions_of
from tasvir.score.metrics.geneval import GenEvalMetric
from tasvir.world.description import Claim, Description, Entity

DOG = seen("dog", 0.1, 0.4, 0.3, 0.6, 0.9, "brown")
CAR = seen("car", 0.7, 0.4, 0.9, 0.6, 0.8, "red")


def judged(
    monkeypatch: pytest.MonkeyPatch, things: tuple[Detection, ...], told: bool = True, **facts: Any
) -> tuple[float | None, str]:
    use(monkeypatch, Scripted(things, tells_colors=told))
    score = GenEvalMetric("any").measure([prompt("x", **facts)], [picture()])[0]
    return score.value, score.reason


def asked(noun: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"class": noun, "count": count, **more}


def test_presence(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [asked("dog"), asked("car")]
    assert judged(monkeypatch, (DOG, CAR), include=both) == (1, "everything is there")
    assert judged(monkeypatch, (DOG,), include=both) == (0, "0 car instead of 1")
    assert judged(monkeypatch, (), include=both) == (0, "0 dog instead of 1; 0 car instead of 1")


def test_numbers_are_exact_by_what_is_excluded(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"include": [asked("dog", 2)], "exclude": [asked("dog", 3)]}
    dogs = tuple(seen("dog", x, 0.4, x + 0.2, 0.6, 0.9) for x in (0.0, 0.3, 0.6))
    assert judged(monkeypatch, dogs[:1], **facts) == (0, "1 dog instead of 2")
    assert judged(monkeypatch, dogs[:2], **facts)[0] == 1
    assert judged(monkeypatch, dogs, **facts) == (0, "3 dog instead of fewer than 3")


def test_colours_of_the_surest(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"include": [asked("car", 1, color="red")]}
    blue = seen("car", 0.1, 0.1, 0.3, 0.3, 0.95, "blue")
    assert judged(monkeypatch, (CAR,), **facts)[0] == 1
    assert judged(monkeypatch, (CAR, blue), **facts) == (0, "car blue instead of red")
    value, reason = judged(monkeypatch, (CAR,), told=False, **facts)
    assert value is None and "--set colors=MODEL" in reason
    assert judged(monkeypatch, (CAR,), told=False, include=[asked("car")])[0] == 1


def test_a_clip_names_the_colours_of_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CLIP by hand: texts by the colour they name, pictures by the pixel in their middle."""

    class Clip:
        identity: ClassVar[dict[str, Any]] = {"model": "by hand"}

        def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
            assert all("car" in text for text in texts)
            named = [next(color for color in COLORS if color in text.split()) for text in texts]
            return np.array([ImageColor.getrgb(color) for color in named]) / 255.0 - 0.5

        def embed_pictures(self, pictures: Sequence[Image.Image]) -> np.ndarray:
            middles = [each.getpixel((each.width // 2, each.height // 2)) for each in pictures]
            return np.array(middles) / 255.0 - 0.5

    colors.open_colors.cache_clear()
    monkeypatch.setattr(colors, "open_clip", lambda model, load: Clip())
    canvas = Image.new("RGB", (100, 100), "blue")
    canvas.paste((255, 0, 0), (70, 40, 90, 60))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    use(monkeypatch, Scripted((DOG, CAR)))
    metric = GenEvalMetric("any", colors="some")
    assert metric.recipe["colors"]["clip"] == {"model": "by hand"}
    shown = [Picture(buffer.getvalue(), 100, 100)] * 2
    asked_for = [prompt("x", include=[asked("car", color=color)]) for color in ("red", "blue")]
    assert [score.value for score in metric.measure(asked_for, shown)] == [1, 0]
    colors.open_colors.cache_clear()


def test_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    def placed(relation: str) -> list[dict[str, Any]]:
        return [asked("dog"), asked("car", position=[relation, 0])]

    assert judged(monkeypatch, (DOG, CAR), include=placed("right of"))[0] == 1
    assert judged(monkeypatch, (DOG, CAR), include=placed("left of")) == (
        0,
        "car right of dog instead of left of",
    )
    assert judged(monkeypatch, (CAR,), include=placed("right of")) == (
        0,
        "0 dog instead of 1; nothing that car could be right of",
    )


def test_step_between_middles_less_a_tenth_of_the_extents() -> None:
    a = Box(0, 0, 100, 100)
    assert positions_of(a, a) == frozenset()
    assert positions_of(a, Box(15, 0, 115, 100)) == frozenset()  # 15 - 0.1 * 200 < 0
    # 30 - 20 = 10 of 30 is a third, 50 - 20 = 30 of 50 more than half
    assert positions_of(a, Box(30, 0, 130, 100)) == frozenset()
    assert positions_of(a, Box(50, 0, 150, 100)) == {"left of"}
    # (300 - 20) / 424 on both axes
    assert positions_of(Box(300, 300, 400, 400), a) == {"right of", "below"}
    assert positions_of(a, Box(300, 300, 400, 400)) == {"left of", "above"}


def test_sure_detections_for_numbers_only_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Scripted((CAR,)))
    strict = GenEvalMetric("any", confidence=0.3, counting_confidence=0.9)
    numbers = prompt("x", include=[asked("car")], exclude=[asked("car", 2)])
    assert strict.measure([numbers], [picture()])[0].value == 0
    assert strict.measure([prompt("x", include=[asked("car")])], [picture()])[0].value == 1
    lenient = GenEvalMetric("any", confidence=0.85, counting_confidence=0.3)
    assert lenient.measure([numbers], [picture()])[0].value == 1
    with pytest.raises(SettingError, match="counting_confidence"):
        GenEvalMetric("any", counting_confidence=1.5)


def test_a_description_in_this_form() -> None:
    told = Description(
        (Entity("dog", "red"), Entity("cat", count=2)), (Claim("above", 0, 1),), absent=(Entity("bus"),)
    )
    assert from_facts({"description": told.to_dict()}) == Requirements(
        (Requirement("dog", 1, "red"), Requirement("cat", 2, None, ("below", 0))), (("cat", 3), ("bus", 1))
    )


@pytest.mark.parametrize(
    "told",
    [
        Description((Entity("dog"), Entity("cat")), (Claim("behind", 0, 1),)),
        Description((Entity("dog", surface="striped"),)),
        Description((Entity("ball", "red"), Entity("ball", "blue"))),
        Description((Entity("dog"),), absent=(Entity("cat", "red"),)),
    ],
)
def test_what_the_form_cannot_say_is_not_measured(told: Description) -> None:
    assert from_facts({"description": told.to_dict()}) is None


def test_without_facts_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    value, reason = judged(monkeypatch, (DOG,))
    assert value is None and "does not say in GenEval's form" in reason
