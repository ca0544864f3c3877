"""The oracle's fit: from rough or wrong beliefs back to the scene that was drawn."""

import numpy as np
import pytest

from tasvir.models.embedded.oracle_fit import LEAST_GAIN, fit_scene
from tasvir.models.embedded.oracle_layers import SIDE
from tasvir.models.embedded.oracle_votes import Candidate
from tasvir.world.render import render
from tasvir.world.scene import BoxTuple, Placed, Scene


def px(x0: int, y0: int, x1: int, y1: int) -> BoxTuple:
    return x0 / SIDE, y0 / SIDE, x1 / SIDE, y1 / SIDE


DOG = Placed("dog", px(20, 60, 64, 98), "brown", "plain", None, "left")
CAR = Placed("car", px(50, 70, 120, 108), "red", "plain", None, "right")
CUP = Placed("cup", px(90, 20, 110, 40), "blue", "plain", None, None)


def believed(*things: Placed, kinds: tuple[str, ...] = ()) -> list[Candidate]:
    names = kinds or tuple(thing.kind for thing in things[:1])
    return [Candidate(thing, kinds or (thing.kind,), (1 / len(names),) * len(names)) for thing in things]


def fitted(
    scene: Scene, things: list[Candidate], doubtful: list[Candidate] | None = None
) -> tuple[Placed, ...]:
    return fit_scene(render(scene), things, doubtful or [], scene.background)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_truth_stays_the_truth_on_either_side_of_the_backdrop(seed: int) -> None:
    scene = Scene((DOG, CAR, CUP), (), "park", seed)
    found = fitted(scene, believed(DOG, CAR, CUP))
    assert set(found) == {DOG, CAR, CUP}
    assert found.index(DOG) < found.index(CAR)  # the two that meet


def test_a_box_that_is_off_by_some_pixels_is_found_again() -> None:
    off = Placed("dog", px(24, 56, 61, 101), "brown", "plain", None, "left")
    assert fitted(Scene((DOG,), (), "park"), believed(off)) == (DOG,)


def test_a_wrong_kind_colour_and_direction_are_put_right_by_the_pixels() -> None:
    wrong = Placed("cat", px(21, 61, 62, 97), "red", "plain", None, "right")
    assert fitted(Scene((DOG,), (), "park"), believed(wrong, kinds=("cat", "dog", "horse"))) == (DOG,)


def test_a_kind_that_nobody_thought_of_is_found_where_the_belief_explains_little() -> None:
    wrong = Placed("key", px(20, 60, 64, 98), "brown", "plain", None, None)
    found = fitted(Scene((DOG,), (), "park"), believed(wrong))
    assert [(thing.kind, thing.color, thing.facing) for thing in found] == [("dog", "brown", "left")]


def test_what_is_not_there_is_dropped() -> None:
    assert fitted(Scene((DOG,), (), "park"), believed(DOG, CUP)) == (DOG,)


def test_one_thing_believed_twice_is_one_thing() -> None:
    half = Placed("dog", px(20, 60, 50, 98), "brown", "plain", None, "left")
    other = Placed("dog", px(36, 62, 66, 98), "brown", "plain", None, "left")
    assert fitted(Scene((DOG,), (), "park"), believed(half, other)) == (DOG,)


def test_a_doubtful_thing_comes_in_only_where_it_explains_pixels() -> None:
    scene = Scene((DOG, CUP), (), "park")
    ball = Placed("ball", px(4, 4, 24, 24), "green", "plain", None, None)
    found = fitted(scene, believed(DOG), believed(CUP, ball))
    assert set(found) == {DOG, CUP}


def test_an_overlooked_thing_is_added() -> None:
    assert set(fitted(Scene((DOG, CUP), (), "park"), believed(DOG))) == {DOG, CUP}


@pytest.mark.parametrize("order", [(DOG, CAR), (CAR, DOG)])
def test_depth_is_what_the_picture_shows(order: tuple[Placed, Placed]) -> None:
    scene = Scene(order, (), "street")
    assert fitted(scene, believed(DOG, CAR)) == order
    assert fitted(scene, believed(CAR, DOG)) == order


def test_an_empty_picture_stays_empty_and_a_little_noise_is_no_thing() -> None:
    picture = render(Scene((), (), "sea"))
    assert fit_scene(picture, [], [], "sea") == ()
    noisy = picture.astype(int) + np.random.default_rng(0).integers(-12, 13, picture.shape)
    assert fit_scene(np.clip(noisy, 0, 255).astype(np.uint8), [], [], "sea") == ()


def test_a_thing_of_which_next_to_nothing_shows_is_not_believed() -> None:
    tiny = Placed("cup", px(90, 20, 96, 26), "blue", "plain", None, None)
    drawn = render(Scene((tiny,), (), "park")).astype(int) - render(Scene((), (), "park"))
    assert np.abs(drawn).sum(2).clip(max=150).sum() < 2 * LEAST_GAIN  # the test is near the margin
    assert fitted(Scene((DOG,), (), "park"), believed(DOG, tiny)) == (DOG,)
