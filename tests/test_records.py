"""Records: geometry by hand, limits, and JSON there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasvir.errors import PromptError, RecordError
from tasvir.records import (
    MAX_PROMPT_WORDS,
    Attempt,
    Box,
    Layout,
    Picture,
    Prompt,
    Thing,
    Trace,
    Usage,
    Verdict,
)


def test_prompts_have_a_word_and_not_too_many() -> None:
    assert Prompt("dog " * MAX_PROMPT_WORDS).text.startswith("dog")
    for text, said in ((" \n", "empty"), ("dog " * (MAX_PROMPT_WORDS + 1), "201 words")):
        with pytest.raises(PromptError, match=said):
            Prompt(text)


def test_boxes_by_hand() -> None:
    a, b = Box(0.0, 0.0, 0.5, 0.4), Box(0.25, 0.2, 0.75, 1.0)
    assert (a.width, a.height, a.area, a.center) == (0.5, 0.4, pytest.approx(0.2), (0.25, 0.2))
    assert a.intersection(b) == b.intersection(a) == pytest.approx(0.25 * 0.2)
    assert a.iou(b) == pytest.approx(0.05 / (0.2 + 0.4 - 0.05))
    assert a.iou(a) == 1.0
    assert a.intersection(Box(0.5, 0.0, 1.0, 1.0)) == 0.0  # they touch


def test_broken_boxes_have_no_area_and_do_not_divide_by_it() -> None:
    turned = Box(0.5, 0.5, 0.2, 0.2)
    assert turned.area == 0.0 and turned.iou(turned) == 0.0
    assert not Box(0, 0, float("nan"), 1).is_finite()


def test_a_layout_survives_json() -> None:
    layout = Layout(
        (Thing("a red car", Box(0.1, 0.2, 0.3, 0.4)), Thing("a dog", Box(0.25, 0.2, 0.6, 0.9))),
        "park",
        ((0, 1),),
    )
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout
    assert Layout.from_dict({"things": []}) == Layout()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"things": [{"phrase": "a dog"}]},
        {"things": [{"phrase": "a dog", "box": [0.1, 0.2, 0.3]}]},
        {"things": [{"phrase": "a dog", "box": ["left", 0, 1, 1]}]},
        {"things": 3},
        {"things": [], "overlaps": [[1]]},
    ],
)
def test_what_is_no_layout_is_told(data: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="not a layout"):
        Layout.from_dict(data)


def test_a_trace_tells_everything_but_the_pixels() -> None:
    picture = Picture(b"png", 2, 3, {"seed": 4})
    attempts = (
        Attempt(0, None, picture),
        Attempt(1, Layout(), picture, Verdict(5, "all", ("a",)), ("b",), {"draw": 1.23456}),
    )
    trace = Trace(Prompt("a dog"), 4, {"rounds": 5}, (Layout(),), attempts, 1, "good")
    data = json.loads(trace.to_json())
    assert trace.best is attempts[1]
    assert data["prompt"] == "a dog" and data["finished"] == "good" and data["best_index"] == 1
    assert data["attempts"][0]["layout"] is None and data["attempts"][0]["verdict"] is None
    assert data["attempts"][1]["verdict"] == {"score": 5, "reason": "all", "missing": ["a"]}
    assert data["attempts"][1]["seconds"] == {"draw": 1.2346}
    assert data["attempts"][1]["picture"] == {"width": 2, "height": 3, "provenance": {"seed": 4}}


def test_a_trace_without_a_picture_has_no_best() -> None:
    with pytest.raises(RecordError, match="nothing was drawn"):
        _ = Trace(Prompt("a dog"), 0).best


def test_usage_adds_up_and_an_unknown_price_makes_the_sum_unknown() -> None:
    one, two = Usage(2, 1, 100, 20, 0.5, 1.5), Usage(1, 0, 10, 5, 0.25, 1.0)
    assert one + two == Usage(3, 1, 110, 25, 0.75, 2.5)
    assert (one + Usage(1, money=None)).money is None
