"""The oracle's measured error: a perfect reader has none, a known mistake is counted where it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tasvir.models.embedded.training.oracle_evaluation import Case, Reader, altered, evaluate
from tasvir.world.captions import caption
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene


def cases(count: int) -> list[Case]:
    rng = np.random.default_rng(11)
    scenes = [sample_scene(rng, split="any") for _ in range(count)]
    return [(scene, caption(scene, rng)[1]) for scene in scenes]


def knowing(scenes: Sequence[Scene]) -> Reader:
    """A reader that is told the truth, in order."""
    remaining = iter(scenes)
    return lambda pictures: [
        (scene.things, scene.background) for _, scene in zip(pictures, remaining, strict=False)
    ]


def test_a_perfect_reader_has_no_error() -> None:
    chosen = cases(60)
    figures = evaluate(chosen, knowing([scene for scene, _ in chosen]), np.random.default_rng(0))
    assert figures["predicate_error"] == 0 and figures["description_error"] == 0
    assert figures["precision"] == figures["recall"] == figures["background"] == 1
    assert set(figures["attributes"].values()) == {1.0}


def test_a_blind_reader_misses_every_true_predicate_and_invents_none_but_absences() -> None:
    chosen = cases(40)
    figures = evaluate(chosen, lambda pictures: [((), "park") for _ in pictures], np.random.default_rng(0))
    assert figures["recall"] == 0 and figures["precision"] is None
    assert figures["true_read_as_false"] > 0
    assert figures["description_error"] == pytest.approx(0.5, abs=0.1)


def test_mirrored_facings_are_wrong_facings_and_nothing_else_of_the_attributes() -> None:
    turned = {"left": "right", "right": "left", None: None}
    chosen = cases(60)
    wrong = [
        replace(scene, things=tuple(replace(t, facing=turned[t.facing]) for t in scene.things))
        for scene, _ in chosen
    ]
    figures = evaluate(chosen, knowing(wrong), np.random.default_rng(0))
    attributes = figures["attributes"]
    assert attributes["facing"] == 0
    assert attributes["color"] == attributes["pose"] == attributes["surface"] == 1
    assert figures["error_by_predicate"]["color"]["error"] == 0


def test_an_altered_description_is_false_of_its_scene() -> None:
    things = (
        Placed("dog", (0.05, 0.5, 0.35, 0.74), "brown", "plain", None, "right"),
        Placed("car", (0.5, 0.5, 0.95, 0.75), "red", "plain", None, "left"),
    )
    description = Description((Entity("dog", "brown"), Entity("car", "red")), (Claim("left of", 0, 1),))
    assert check(description, things).all_true
    rng = np.random.default_rng(0)
    assert not any(check(altered(description, rng), things).all_true for _ in range(50))
