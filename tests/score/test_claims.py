"""What prompts claim: facts first, then the text by the named rules."""

from __future__ import annotations

from typing import Any

import pytest

from tasvir.records import SuitePrompt
from tasvir.score.claims import (
    DEPTH,
    PLANE,
    UPSTREAM_DEPTH_WORDS,
    UPSTREAM_WORDS,
    CountClaim,
    SpatialClaim,
    count_claims,
    merged,
    numbers_in,
    relation_in,
    singular,
    spatial_claims,
    upstream_words,
)
from tasvir.world.description import Claim, Description, Entity


def prompt(text: str, **facts: Any) -> SuitePrompt:
    return SuitePrompt("0", text, facts=facts)


@pytest.mark.parametrize(
    ("text", "name", "subject", "target"),
    [
        ("a whale on the left of a tram", "left of", "whale", "tram"),
        ("a kettle on side of a stove", "next to", "kettle", "stove"),
        ("an owl on the top of a mailbox", "on", "owl", "mailbox"),
        ("a pear on the bottom of a ladder", "under", "pear", "ladder"),
        ("The tall jug was on top of the grey tool box.", "on", "tall jug", "grey tool box"),
        ("a photo of a traffic light above a van", "above", "traffic light", "van"),
        ("a mug hidden by a loaf", "hidden by", "mug", "loaf"),
        ("A spoon sits to the right of the fork, near nothing", "right of", "spoon", "fork"),
        ("In the hall, a coat is hanging behind a mirror", "behind", "coat", "mirror"),
    ],
)
def test_relations_of_a_text(text: str, name: str, subject: str, target: str) -> None:
    claim = relation_in(text)
    assert claim is not None
    assert (claim.name, claim.subject, claim.object) == (name, subject, target)


@pytest.mark.parametrize("text", ["", "a whale and a tram", "on top of the world", "near", "a nearby thing"])
def test_texts_without_a_relation_between_two_things(text: str) -> None:
    assert relation_in(text) is None


def test_facts_come_before_the_text() -> None:
    fact = {"name": "on the right of", "subject": "cup", "object": "jar"}
    found = spatial_claims(prompt("a whale left of a tram", relation=fact))
    assert found == (SpatialClaim("right of", "on the right of", "cup", "jar"),)
    assert spatial_claims(prompt("a whale left of a tram", relation={**fact, "name": "beyond"})) == ()


def test_a_description_gives_its_claims_with_colours_and_leaves_actions_out() -> None:
    told = Description(
        (Entity("dog", "red"), Entity("cat"), Entity("boy")),
        (Claim("left of", 0, 1), Claim("facing", 2, 0), Claim("behind", 1, 2)),
    )
    found = spatial_claims(prompt("whatever", description=told.to_dict()))
    assert [(claim.name, claim.subject, claim.object, claim.colors) for claim in found] == [
        ("left of", "dog", "cat", ("red", None)),
        ("behind", "cat", "boy", (None, None)),
    ]


class TestUpstreamWords:
    def test_the_text_is_searched_as_the_official_code_does(self) -> None:
        found = upstream_words(prompt("a jug on the top of a traffic light"), PLANE, UPSTREAM_WORDS)
        assert found == ("on the top of", "jug", "light")
        found = upstream_words(prompt("a jug hidden by a hat"), DEPTH, UPSTREAM_DEPTH_WORDS)
        assert found == ("hidden", "jug", "hat")

    def test_what_it_has_no_word_for_stays_without(self) -> None:
        assert upstream_words(prompt("a jug is above a hat"), PLANE, UPSTREAM_WORDS) == (None, "jug", "hat")
        found = upstream_words(prompt("a jug on the left side of a hat"), PLANE, UPSTREAM_WORDS)
        assert found == (None, "jug", "hat")

    def test_a_fact_stands_for_its_word(self) -> None:
        told = Description((Entity("dog"), Entity("cat")), (Claim("above", 0, 1),)).to_dict()
        found = upstream_words(prompt("a dog above a cat", description=told), PLANE, UPSTREAM_WORDS)
        assert found == ("on the top of", "dog", "cat")

    def test_claims_of_the_other_kind_are_not_its_affair(self) -> None:
        assert upstream_words(prompt("a jug behind a hat"), PLANE, UPSTREAM_WORDS) is None
        assert upstream_words(prompt("a jug and a hat"), DEPTH, UPSTREAM_DEPTH_WORDS) is None


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("two boys", [("boy", 2, True)]),
        ("seven frogs leaped into the pond", [("frog", 7, True)]),
        ("four traffic lights next to a tall woman", [("traffic light", 4, True), ("tall woman", 1, False)]),
        (
            "a photo of three small striped mice, and one knife",
            [("small striped mouse", 3, True), ("knife", 1, True)],
        ),
        ("12 sheep and 2 buses", [("sheep", 12, True), ("bus", 2, True)]),
        ("one kite floated over five cherries", [("kite", 1, True), ("cherry", 5, True)]),
        ("the two of them", []),
        ("many cats", []),
    ],
)
def test_numbers_of_a_text(text: str, claims: list[tuple[str, int, bool]]) -> None:
    assert [(claim.noun, claim.count, claim.exact) for claim in numbers_in(text)] == claims


@pytest.mark.parametrize(
    ("many", "one"),
    [("women", "woman"), ("foxes", "fox"), ("puppies", "puppy"), ("ties", "tie"), ("glasses", "glasses"),
     ("benches", "bench"), ("fish", "fish"), ("buses", "bus"), ("horses", "horse"), ("tomatoes", "tomato")],
)  # fmt: skip
def test_singular(many: str, one: str) -> None:
    assert singular(f"red {many}") == f"red {one}"


def test_numbers_come_from_facts_first() -> None:
    assert count_claims(prompt("two cats", numbers={"dog": 3})) == (CountClaim("dog", 3, True),)
    told = Description((Entity("ball", "red", count=2), Entity("ball", "blue"), Entity("dog"))).to_dict()
    found = count_claims(prompt("two cats", description=told))
    assert found == (
        CountClaim("ball", 2, True, "red"),
        CountClaim("ball", 1, False, "blue"),
        CountClaim("dog", 1, False),
    )
    assert merged(found) == (CountClaim("ball", 3, False), CountClaim("dog", 1, False))


def test_a_prompt_that_counts_nothing_claims_no_number() -> None:
    assert count_claims(prompt("a cat and a dog")) == ()
    assert count_claims(prompt("x", description=Description((Entity("dog"),)).to_dict())) == ()
