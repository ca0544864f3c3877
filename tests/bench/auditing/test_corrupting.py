"""Corrupted scenes are less true than before, and their stated truth is what `check` says."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.bench.auditing import corrupting
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.sampler import sample_for
from tasvir.world.scene import Placed, Scene

DOG_LEFT_OF_CAR = Description((Entity("dog"), Entity("car", color="red")), (Claim("left of", 0, 1),))
SCENE = Scene(
    (
        Placed("dog", (0.1, 0.6, 0.3, 0.8), "brown", facing="right"),
        Placed("car", (0.5, 0.5, 0.9, 0.8), "red", facing="right"),
    )
)


def test_a_target_of_one_leaves_the_scene_as_it_was() -> None:
    step = corrupting.corrupt(SCENE, DOG_LEFT_OF_CAR, 1.0, np.random.default_rng(0))
    assert (step.things, step.share, step.done) == (SCENE.things, 1.0, ())


def test_each_corruption_changes_the_truth_as_arithmetic_says() -> None:
    """Predicates: a dog, a car, the car red, dog left of car."""
    rng = np.random.default_rng(0)

    def share(name: str) -> float:
        things = corrupting.CORRUPTIONS[name](SCENE.things, DOG_LEFT_OF_CAR, rng)
        return check(DOG_LEFT_OF_CAR, things).share

    assert share("trade places") == 3 / 4  # only the relation breaks
    assert share("trade depth") == 1.0  # left and right do not ask who is nearer
    assert share("turn") == 1.0
    # without the dog: car, red. Without the car: dog
    assert {share("drop") for _ in range(20)} == {2 / 4, 1 / 4}
    # the dog's colour is not claimed, the car's is
    assert {share("recolour") for _ in range(20)} == {1.0, 3 / 4}


def test_an_absent_thing_that_appears_breaks_the_absence() -> None:
    without = Description((Entity("dog"),), absent=(Entity("cat", color="black"),))
    things = corrupting.add_absent((SCENE.things[0],), without, np.random.default_rng(0))
    assert [thing.kind for thing in things] == ["dog", "cat"]
    assert things[1].color == "black"
    assert check(without, things).share == 1 / 2


def test_a_hidden_thing_is_noticed() -> None:
    small, big = (0.4, 0.4, 0.6, 0.6), (0.3, 0.3, 0.9, 0.9)
    assert not corrupting.all_visible([Placed("dog", small, "brown"), Placed("bus", big, "red")])
    assert corrupting.all_visible([Placed("bus", big, "red"), Placed("dog", small, "brown")])


@pytest.mark.parametrize("seed", range(12))
def test_a_corrupted_scene_is_less_true_and_stays_in_the_picture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = Description((Entity("woman", pose="reaching"), Entity("dog", count=2)), (Claim("facing", 0, 1),))
    scene = sample_for(text, rng)
    step = corrupting.corrupt(scene, text, 0.4, rng)
    assert step.share < 1.0 and step.done
    assert step.share == check(text, step.things, scene.background).share
    for thing in step.things:
        assert min(thing.box) >= -1e-9 and max(thing.box) <= 1 + 1e-9
        assert (thing.pose is not None) == bool(catalogue()[thing.kind].poses)


def test_it_comes_as_near_to_the_wanted_share_as_the_predicates_allow() -> None:
    """Four predicates: quarters are within reach, and no step passes the target unless that is nearer."""
    for wanted in (0.75, 0.5, 0.25):
        shares = [
            corrupting.corrupt(SCENE, DOG_LEFT_OF_CAR, wanted, np.random.default_rng(s)).share
            for s in range(10)
        ]
        assert sorted(shares)[5] == wanted
        assert all(abs(share - wanted) <= 0.25 for share in shares)
