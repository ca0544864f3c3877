"""The predicate metric: value, share and reason by hand, with a reader that says what it is told."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tasvir.models.embedded import weights
from tasvir.records import Picture, SuitePrompt
from tasvir.score.base import recipe_hash
from tasvir.score.metrics.predicates import PredicateMetric, Reader
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.scene import Placed

DOG = Placed("dog", (0.05, 0.5, 0.35, 0.74), "brown", "plain", None, "right")
CAR = Placed("car", (0.5, 0.5, 0.95, 0.75), "red", "plain", None, "left")
CLAIMED = Description((Entity("dog"), Entity("car", "red")), (Claim("left of", 0, 1),), background="park")
PROMPT = SuitePrompt("0", "a dog left of a red car in a park", facts={"description": CLAIMED.to_dict()})


def picture(level: int) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(stream, "PNG")
    return Picture(stream.getvalue(), 8, 8)


def told(answers: dict[int, tuple[tuple[Placed, ...], str]]) -> Reader:
    return lambda pictures: [answers[int(pixels[0, 0, 0])] for pixels in pictures]


def test_all_true_is_one_and_one_wrong_colour_is_zero_with_its_share() -> None:
    blue = Placed("car", CAR.box, "blue", "plain", None, "left")
    metric = PredicateMetric(told({1: ((DOG, CAR), "park"), 2: ((DOG, blue), "park")}))
    good, bad = metric.measure([PROMPT] * 2, [picture(1), picture(2)])
    assert good.value == 1.0 and good.details["share"] == 1.0
    assert bad.value == 0.0
    assert bad.details["share"] == 4 / 5
    assert [text for text, true in bad.details["predicates"] if not true] == ["car: color red"]
    assert "car: color red" in bad.reason


def test_the_recipe_tells_which_oracle_reads() -> None:
    shipped = PredicateMetric().recipe
    assert shipped["reader"] == {"model": "oracle", "weights": weights.fingerprint_of("oracle")}
    assert recipe_hash(PredicateMetric(told({})).recipe) != recipe_hash(shipped)


def test_the_background_counts() -> None:
    score = PredicateMetric(told({1: ((DOG, CAR), "sea")})).measure([PROMPT], [picture(1)])[0]
    assert score.value == 0.0 and score.details["share"] == 4 / 5


def test_bytes_that_are_no_picture_have_no_value_and_do_not_shift_the_others() -> None:
    metric = PredicateMetric(told({1: ((DOG, CAR), "park"), 2: ((), "park")}))
    scores = metric.measure([PROMPT] * 3, [picture(2), Picture(b"not a picture", 8, 8), picture(1)])
    assert [score.value for score in scores] == [0.0, None, 1.0]
    assert scores[1].reason and not scores[1].details


def test_a_prompt_without_known_truth_has_no_value_and_does_not_shift_the_others() -> None:
    metric = PredicateMetric(told({1: ((DOG, CAR), "park"), 2: ((), "park")}))
    scores = metric.measure([SuitePrompt("1", "a dog"), PROMPT], [picture(2), picture(1)])
    assert [score.value for score in scores] == [None, 1.0]
    assert scores[0].reason
