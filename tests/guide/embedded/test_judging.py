"""Verdicts by the rubric A.3, on things placed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasvir.guide.embedded.grammar import read
from tasvir.guide.embedded.judging import judge
from tasvir.world.scene import Placed

CAR = Placed("car", (0.05, 0.6, 0.45, 0.85), "red", facing="right")
DOG = Placed("dog", (0.6, 0.6, 0.9, 0.85), "brown", facing="left")
TREE = Placed("tree", (0.3, 0.0, 0.7, 0.5), "green")
PROMPT = "a red car left of a dog and a tree above the dog"


@pytest.mark.parametrize(
    ("prompt", "things", "score", "missing"),
    [
        ("a red car left of a dog", (CAR, DOG), 5, ()),
        ("a red car left of a dog", (TREE,), 1, ("a red car", "a dog")),
        ("a red car left of a dog", (), 1, ("a red car", "a dog")),
        ("a red car left of a dog", (DOG,), 2, ("a red car",)),
        ("a red car right of a dog", (CAR, DOG), 3, ("car is not right of dog",)),
        ("a blue car left of a dog", (CAR, DOG), 4, ("car is not blue",)),
        ("a blue car right of a dog", (CAR, DOG), 2, ("car is not blue", "car is not right of dog")),
        (
            "a red car left of a dog and a tree right of the dog",
            (TREE, CAR, DOG),
            3,
            ("tree is not right of dog",),
        ),
        ("a red car left of a dog and a tree above the dog", (CAR, DOG), 3, ("a tree",)),
        ("two dogs and a cat", (DOG,), 2, ("a cat", "not exactly 2 of dog")),
        ("two dogs", (DOG,), 4, ("not exactly 2 of dog",)),
        ("a dog without cars", (CAR, DOG), 4, ("unwanted car",)),
        ("a dog and a cat", (DOG,), 3, ("a cat",)),
        ("a blue dog facing right", (DOG,), 2, ("dog is not blue", "dog is not facing right")),
    ],
)
def test_scores(prompt: str, things: tuple[Placed, ...], score: int, missing: tuple[str, ...]) -> None:
    verdict = judge(read(prompt), things)
    assert (verdict.score, verdict.missing) == (score, missing)


def test_a_wrong_background_is_one_wrong_predicate() -> None:
    assert judge(read("a dog in the park"), (DOG,), "park").score == 5
    verdict = judge(read("a dog in the park"), (DOG,), "sea")
    assert (verdict.score, verdict.missing) == (4, ("not in park",))


def test_the_reason_names_what_is_missing_in_at_most_twenty_words() -> None:
    verdict = judge(read("a red striped car left of a dog"), (DOG,))
    assert verdict.reason == "Missing a red striped car."
    assert judge(read("two dogs without cars"), (CAR, DOG)).reason == "Not exactly 2 of dog; unwanted car."
    many = "a cat and a cow and a sheep and a duck and a fish and a bus and a boat and a clock and a drum"
    reason = judge(read(many), ()).reason
    assert len(reason.split()) <= 20
    assert reason.startswith("Missing a cat; missing a cow;")


def test_more_right_is_never_scored_lower() -> None:
    """Mending one thing after the other, the score climbs from 1 to 5 without falling."""
    moved = replace(DOG, box=(0.02, 0.1, 0.3, 0.3))
    stages = [(), (CAR,), (CAR, moved), (CAR, DOG), (TREE, CAR, DOG)]
    scores = [judge(read(PROMPT), things).score for things in stages]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (1, 5)
