"""A fault breaks what it is about and nothing else, and stays as it is when another is added."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasvir.bench.auditing.faults import FAULTS, Fault, Faulty, faultless, make_fault, predicate_kind
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.scene import Placed

TEXT = Description(
    (
        Entity("dog", color="brown", facing="right"),
        Entity("ball", color="red", surface="striped", size="large"),
        Entity("cat", color="black", count=2),
    ),
    (Claim("left of", 0, 1),),
    (Entity("bus"),),
    "park",
)
THINGS = (
    Placed("cat", (0.35, 0.1, 0.5, 0.3), "black", facing="left"),
    Placed("cat", (0.7, 0.1, 0.85, 0.3), "black", facing="right"),
    Placed("dog", (0.05, 0.6, 0.3, 0.85), "brown", facing="right"),
    Placed("ball", (0.6, 0.55, 0.9, 0.85), "red", "striped"),
)
NAMED = {fault.name: fault for fault in FAULTS}


def found(fault: Fault, true: Faulty, seed: int) -> Faulty:
    """The first that is found; a relation in a crowd is not broken by every throw."""
    tries = (make_fault(fault, TEXT, true, "park", np.random.default_rng([seed, i])) for i in range(20))
    return next(picture for picture in tries if picture is not None)


def made(fault: Fault, seed: int = 0) -> list[str]:
    true = faultless(TEXT, THINGS, "park")
    assert true.share == 1.0 and not true.broken
    picture = found(fault, true, seed)
    assert picture.faults == (fault.name,)
    outcome = check(TEXT, picture.things, "park")
    assert picture.share == outcome.share < 1.0
    assert picture.broken == tuple(text for text, holds in outcome.predicates if not holds)
    return list(picture.broken)


def test_predicates_are_told_apart_by_what_they_are_about() -> None:
    kinds = [predicate_kind(text) for text, _ in check(TEXT, THINGS, "park").predicates]
    assert kinds == [
        *("thing", "color", "facing"),
        *("thing", "color", "surface", "size"),
        *("thing", "color"),
        *("relation", "count", "absence", "background"),
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("wrong surface", {"ball: surface striped"}),
        ("wrong size", {"ball: size large"}),
        ("wrong pose", {"dog: facing right"}),
        ("wrong relation", {"dog left of ball"}),
        ("swapped roles", {"dog left of ball"}),
        ("wrong count", {"exactly 2 of black cat"}),
        ("extra thing", {"no bus"}),
        ("swapped colours", {"dog: color brown", "ball: color red"}),
    ],
)
def test_a_fault_breaks_its_own_statement_alone(name: str, broken: set[str], seed: int) -> None:
    assert set(made(NAMED[name], seed)) == broken


def test_a_thing_takes_along_all_that_is_said_of_it() -> None:
    dog = {"a dog", "dog: color brown", "dog: facing right", "dog left of ball"}
    ball = {"a ball", "ball: color red", "ball: surface striped", "ball: size large", "dog left of ball"}
    for name in ("missing thing", "wrong thing"):
        broken = {frozenset(made(NAMED[name], seed)) for seed in range(8)}
        assert broken == {frozenset(dog), frozenset(ball)}
    assert {tuple(made(NAMED["wrong colour"], seed)) for seed in range(8)} == {
        ("dog: color brown",),
        ("ball: color red",),
    }


def test_swapped_roles_hold_the_other_way_and_a_wrong_relation_does_not() -> None:
    other_way = replace(TEXT, claims=(Claim("left of", 1, 0),))
    true = faultless(TEXT, THINGS, "park")
    for seed in range(6):
        for name in ("swapped roles", "wrong relation"):
            picture = found(NAMED[name], true, seed)
            assert picture.relations == ("left of",)
            held = dict(check(other_way, picture.things, "park").predicates)["ball left of dog"]
            assert held == (name == "swapped roles")


def test_a_second_fault_leaves_the_first_and_makes_it_worse() -> None:
    rng = np.random.default_rng(1)
    one = make_fault(NAMED["wrong size"], TEXT, faultless(TEXT, THINGS, "park"), "park", rng)
    assert one is not None
    two = make_fault(NAMED["wrong count"], TEXT, one, "park", rng)
    assert two is not None and two.faults == ("wrong size", "wrong count")
    assert set(two.broken) == {"ball: size large", "exactly 2 of black cat"}
    assert two.share < one.share


def test_a_fault_that_cannot_be_is_none() -> None:
    plain = Description((Entity("dog"),))
    true = faultless(plain, (THINGS[2],), "park")
    rng = np.random.default_rng(0)
    for name in ("wrong colour", "swapped colours", "wrong relation", "wrong count", "extra thing"):
        assert make_fault(NAMED[name], plain, true, "park", rng) is None
    missing = make_fault(NAMED["missing thing"], plain, true, "park", rng)
    assert missing is not None and missing.things == () and missing.share == 0.0
    assert make_fault(NAMED["missing thing"], plain, missing, "park", rng) is None
