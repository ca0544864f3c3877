"""Boxes in another format: taken in the last round, where one format fits and only one, and said so."""

from __future__ import annotations

import json

import pytest

from tasvir.errors import ReplyError
from tasvir.guide.base import Guide, Request
from tasvir.records import Attempt, Picture, Prompt

Boxes = list[list[float]]


class Stubborn(Guide):
    """Gives the same reply whatever it is told."""

    name = "stubborn"

    def __init__(self, boxes: Boxes) -> None:
        rows = [{"phrase": f"a ball {number}", "box": box} for number, box in enumerate(boxes)]
        self.text = json.dumps({"objects": rows})

    def reply(self, request: Request, *, seed: int) -> str:
        return self.text


def planned(boxes: Boxes) -> tuple[Boxes, str, int]:
    guide = Stubborn(boxes)
    layout = guide.plan(Prompt("balls"), seed=0)
    return [list(thing.box.as_tuple()) for thing in layout.things], " ".join(guide.notes), guide.repairs


@pytest.mark.parametrize(
    ("boxes", "read", "name"),
    [
        ([[0.5, 0.5, 0.3, 0.3], [0.1, 0.1, 0.3, 0.3]], [[0.5, 0.5, 0.8, 0.8], [0.1, 0.1, 0.4, 0.4]], "size"),
        ([[10, 20, 30, 60], [60, 20, 90, 60]], [[0.1, 0.2, 0.3, 0.6], [0.6, 0.2, 0.9, 0.6]], "in percent"),
        ([[70, 50, 20, 30], [5, 5, 30, 40]], [[0.7, 0.5, 0.9, 0.8], [0.05, 0.05, 0.35, 0.45]], "in percent"),
        ([[0.9, 0.2, 0.4, 0.8], [0, 0, 0.3, 0.3]], [[0.4, 0.2, 0.9, 0.8], [0, 0, 0.3, 0.3]], "swapped"),
    ],
)
def test_what_can_be_meant_in_one_way_is_taken_so_and_noted(boxes: Boxes, read: Boxes, name: str) -> None:
    found, note, repairs = planned(boxes)
    assert found == [pytest.approx(box) for box in read]
    assert name in note and repairs == 2, "it is sent back first"


@pytest.mark.parametrize(
    "boxes",
    [
        [[100, 200, 500, 600]],  # thousandths, or pixels of 768 or 1024
        [[100, 200, 990, 600]],  # thousandths, or pixels of 1024
        [[0.1, 0.1, 0.4, 0.4], [100, 100, 400, 400]],  # two scales in one reply
        [[0.5, 0.5, 1.5, 0.9]],  # beyond the picture in every scale
        [[100, 200, 3000, 600]],  # a canvas that nobody named
        [[0.1, 0.1, 0.15, 0.9]],  # too thin
    ],
)
def test_what_can_be_meant_in_two_ways_or_none_stays_a_problem(boxes: Boxes) -> None:
    with pytest.raises(ReplyError):
        planned(boxes)


def test_pixels_of_the_picture_that_was_shown() -> None:
    guide = Stubborn([[200, 100, 1900, 900]])
    attempts = (Attempt(0, None, Picture(b"", 2000, 1000)),)
    layout = guide.redesign(Prompt("a ball"), attempts, seed=0)
    assert layout is not None and layout.things[0].box.as_tuple() == (0.1, 0.1, 0.95, 0.9)
    assert "pixels of 2000 x 1000" in guide.notes[0]


def test_corners_in_fractions_are_never_read_otherwise() -> None:
    found, note, repairs = planned([[0.1, 0.2, 0.5, 0.6]])
    assert (found, note, repairs) == ([[0.1, 0.2, 0.5, 0.6]], "", 0)
