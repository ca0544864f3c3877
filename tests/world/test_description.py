"""Descriptions against scenes of a few boxes whose truth can be seen at a glance."""

import pytest

from tasvir.errors import RecordError
from tasvir.world.description import Claim, Description, Entity, check, size_of
from tasvir.world.scene import Placed

RED_LEFT = Placed("ball", (0.1, 0.4, 0.28, 0.58), "red")
BLUE_RIGHT = Placed("ball", (0.6, 0.4, 0.78, 0.58), "blue")
DOG = Placed("dog", (0.3, 0.6, 0.6, 0.85), "brown", facing="left")


def test_entities_are_matched_so_that_most_holds() -> None:
    wanted = Description((Entity("ball", "blue"), Entity("ball", "red")), (Claim("right of", 0, 1),))
    outcome = check(wanted, (RED_LEFT, BLUE_RIGHT))
    assert outcome.all_true
    assert outcome.matched == ((1,), (0,))


def test_swapped_colors_lose_only_what_is_false() -> None:
    wanted = Description((Entity("ball", "red"), Entity("ball", "blue")), (Claim("right of", 0, 1),))
    outcome = check(wanted, (RED_LEFT, BLUE_RIGHT))
    assert len(outcome.predicates) == 5
    assert sum(true for _, true in outcome.predicates) == 4
    assert outcome.share == pytest.approx(0.8)


def test_one_thing_is_not_two_entities() -> None:
    outcome = check(Description((Entity("dog"), Entity("dog"))), (DOG,))
    assert [true for _, true in outcome.predicates] == [True, False]


def test_a_group_is_exactly_so_many() -> None:
    three = tuple(Placed("key", (x, 0.1, x + 0.1, 0.3), "yellow") for x in (0.1, 0.4, 0.7))
    assert check(Description((Entity("key", count=3),)), three).all_true
    assert not check(Description((Entity("key", count=2),)), three).all_true
    assert not check(Description((Entity("key", count=3),)), three[:2]).all_true
    mixed = (*three[:2], Placed("key", (0.7, 0.1, 0.8, 0.3), "red"))
    assert check(Description((Entity("key", "yellow", count=2),)), mixed).all_true


def test_a_groups_claim_holds_for_every_member() -> None:
    wanted = Description((Entity("ball", count=2), Entity("dog")), (Claim("above", 0, 1),))
    assert check(wanted, (RED_LEFT, BLUE_RIGHT, DOG)).all_true
    low = Placed("ball", (0.7, 0.7, 0.88, 0.88), "blue")
    assert not check(wanted, (RED_LEFT, DOG, low)).all_true


def test_absence_looks_at_the_attributes_it_names() -> None:
    wanted = Description((Entity("dog"),), absent=(Entity("ball", "red"),))
    assert check(wanted, (BLUE_RIGHT, DOG)).all_true
    assert not check(wanted, (RED_LEFT, DOG)).all_true
    assert not check(Description((), absent=(Entity("ball"),)), (BLUE_RIGHT,)).all_true


def test_sizes_are_against_the_natural_height() -> None:
    natural = 0.25  # of a dog
    for factor, size in ((0.81, "small"), (0.84, None), (1.16, None), (1.19, "large")):
        assert size_of(Placed("dog", (0.1, 0.1, 0.4, 0.1 + factor * natural), "brown")) == size


def test_background_counts_only_where_it_is_known() -> None:
    wanted = Description((Entity("dog"),), background="park")
    assert check(wanted, (DOG,), "park").all_true
    assert not check(wanted, (DOG,), "sea").all_true
    assert len(check(wanted, (DOG,)).predicates) == 1


def test_json_round_trip_and_refusals() -> None:
    wanted = Description(
        (Entity("woman", "red", pose="sitting"), Entity("bench")),
        (Claim("on", 0, 1),),
        (Entity("dog"),),
        "park",
    )
    assert Description.from_json(wanted.to_json()) == wanted
    for broken in (
        "{",
        '{"claims": []}',
        '{"entities": [{"kind": "unicorn"}]}',
        '{"entities": [{"colour": "red"}]}',
    ):
        with pytest.raises(RecordError, match="not a description"):
            Description.from_json(broken)
    with pytest.raises(RecordError, match="claim names entity"):
        Description.from_json('{"entities": [{"kind": "dog"}], "claims": [["on", 0, 1]]}')
