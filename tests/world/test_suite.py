"""The stored suite: complete, held out, possible, and what the maker makes."""

from collections import Counter

import numpy as np

from tasvir.world.description import check
from tasvir.world.sampler import sample_for
from tasvir.world.suite import CATEGORIES, WorldPrompt, world_suite
from tasvir.world.suite_making import heldout_of, make_suite


def test_a_hundred_of_each_and_all_distinct() -> None:
    suite = world_suite()
    assert Counter(p.category for p in suite) == dict.fromkeys(CATEGORIES, 100)
    assert len({p.text for p in suite}) == len({p.id for p in suite}) == 600


def test_every_prompt_holds_something_held_out() -> None:
    assert all(heldout_of(p.description) for p in world_suite())


def test_every_prompt_is_possible() -> None:
    rng = np.random.default_rng(0)
    for prompt in world_suite():
        scene = sample_for(prompt.description, rng)
        assert check(prompt.description, scene.things, scene.background).all_true


def test_categories_are_what_they_say() -> None:
    for prompt in world_suite():
        description = prompt.description
        number = {"attribute": 0, "count": 0, "complex": 2}.get(prompt.category, 1)
        assert len(description.claims) == number, prompt
        if prompt.category == "count":
            assert any(2 <= e.count <= 4 for e in description.entities)
        if prompt.category == "complex":
            assert 3 <= len(description.entities) <= 4
        if prompt.category == "attribute":
            assert all(e.color or e.surface or e.size for e in description.entities)
        if prompt.category == "3d-spatial":
            assert description.claims[0].name in ("in front of", "behind")


def test_the_file_is_what_the_maker_makes() -> None:
    assert make_suite() == world_suite()
    assert make_suite(seed=1, each=2) != make_suite(seed=2, each=2)


def test_round_trip() -> None:
    for prompt in world_suite():
        assert WorldPrompt.from_dict(prompt.to_dict()) == prompt
