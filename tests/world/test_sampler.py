"""What every sampled scene must be, over thousands of scenes."""

from collections import Counter

import numpy as np
import pytest

from tasvir.errors import UserInputError
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.relations import RELATIONS, holds
from tasvir.world.sampler import sample_for, sample_scene
from tasvir.world.scene import Scene
from tasvir.world.splits import found_in, heldout


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    rng = np.random.default_rng(11)
    return [sample_scene(rng) for _ in range(6000)]


def test_boxes_lie_inside_and_are_drawable(scenes: list[Scene]) -> None:
    for scene in scenes:
        for thing in scene.things:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
            assert x1 - x0 >= 0.0998 and y1 - y0 >= 0.0998  # 0.1 less the rounding of both edges
            aspect = (x1 - x0) / (y1 - y0)
            assert aspect == pytest.approx(catalogue()[thing.kind].aspect, rel=0.13)


def test_listed_relations_hold_and_all_occur(scenes: list[Scene]) -> None:
    seen: Counter[str] = Counter()
    for scene in scenes:
        for r in scene.relations:
            a, b = scene.things[r.subject], scene.things[r.object]
            assert holds(r.name, a, b, a_depth=r.subject, b_depth=r.object)
            seen[r.name] += 1
    assert set(seen) == set(RELATIONS)
    assert min(seen.values()) > 0.5 * max(seen.values())


def test_training_never_meets_what_is_held_out(scenes: list[Scene]) -> None:
    assert not any(found_in(scene.things) for scene in scenes)


def test_every_kind_and_attribute_is_learnt(scenes: list[Scene]) -> None:
    kinds = Counter(thing.kind for scene in scenes for thing in scene.things)
    assert set(kinds) == set(catalogue())
    assert min(kinds.values()) > 0.4 * np.median(list(kinds.values()))
    people = Counter(t.pose for s in scenes for t in s.things if catalogue()[t.kind].category == "person")
    assert len(people) == 5 and min(people.values()) > 0.1 * sum(people.values())


def test_number_of_things(scenes: list[Scene]) -> None:
    share = {n: c / len(scenes) for n, c in Counter(len(s.things) for s in scenes).items()}
    assert share[1] == pytest.approx(0.15, abs=0.03)
    assert share[2] == pytest.approx(0.35, abs=0.06)
    assert max(share) == 4


def test_same_seed_same_scene() -> None:
    first, second, other = (sample_scene(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_heldout_split_always_holds_a_held_out_combination() -> None:
    rng = np.random.default_rng(5)
    found = [found_in(sample_scene(rng, split="heldout").things) for _ in range(1500)]
    assert all(found)
    both_ways = {frozenset(pair) for pair in heldout().pairs + heldout().attributes}
    assert {frozenset(pair) for pairs in found for pair in pairs} == both_ways


def test_sample_for_makes_the_description_true() -> None:
    wanted = Description(
        (Entity("woman", "white"), Entity("umbrella", "red"), Entity("bus", "blue", size="small")),
        (Claim("holding", 0, 1), Claim("behind", 2, 0)),
        background="street",
    )
    rng = np.random.default_rng(0)
    for _ in range(20):
        scene = sample_for(wanted, rng)
        assert check(wanted, scene.things, scene.background).all_true
        assert len(scene.things) == 3


def test_sample_for_says_when_it_is_impossible() -> None:
    impossible = Description(
        (Entity("dog"), Entity("cat")), (Claim("left of", 0, 1), Claim("right of", 0, 1))
    )
    with pytest.raises(UserInputError, match="no scene was found"):
        sample_for(impossible, np.random.default_rng(0), tries=20)
