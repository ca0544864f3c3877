"""The grammar reads back what the world says, whatever the wording, and refuses the rest with advice."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.errors import LanguageError
from tasvir.guide.embedded.grammar import read, read_phrase
from tasvir.guide.embedded.vocabulary import known_words, tokens
from tasvir.world.captions import caption, phrase, vocabulary
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.sampler import sample_scene
from tasvir.world.suite import world_suite


def test_two_thousand_captions_are_read_as_what_they_claim() -> None:
    rng = np.random.default_rng(20)
    wrong = []
    for _ in range(2000):
        text, description = caption(sample_scene(rng, split="any"), rng)
        if read(text) != description:
            wrong.append(text)
    assert wrong == []


def test_every_prompt_of_the_suite_is_read_as_its_description() -> None:
    assert [p.text for p in world_suite() if read(p.text) != p.description] == []


def test_phrases_are_read_back_as_the_thing() -> None:
    rng = np.random.default_rng(21)
    for _ in range(300):
        for thing in sample_scene(rng, split="any").things:
            said = read_phrase(phrase(thing))
            surface = None if thing.surface == "plain" else thing.surface
            assert said == Entity(thing.kind, thing.color, surface, None, thing.pose, thing.facing)


def test_the_grammar_knows_every_word_of_captions() -> None:
    assert {word for word in vocabulary() if word.isalpha()} <= set(known_words())


CAR, DOG = Entity("car", color="red"), Entity("dog")
LEFT = Description((CAR, DOG), (Claim("left of", 0, 1),))


@pytest.mark.parametrize(
    "text",
    [
        "a red car left of a dog",
        "A RED CAR, to the left of a dog.",
        "There is a red car on the left of a dog!",
        "there is a red car and it is left of a dog",
        "one red car is on the left-hand side of the dog",
        "a photo of a red automobile that is to the left of a dog",
        "Draw a picture of a red car to the left side of a dog",
    ],
)
def test_wordings_of_one_meaning(text: str) -> None:
    assert read(text) == LEFT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A woman is holding an umbrella and a bus is behind her.",
            Description(
                (Entity("woman"), Entity("umbrella"), Entity("bus")),
                (Claim("holding", 0, 1), Claim("behind", 2, 0)),
            ),
        ),
        (
            "a man is sitting on a bench next to a tree",
            Description(
                (Entity("man", pose="sitting"), Entity("bench"), Entity("tree")),
                (Claim("on", 0, 1), Claim("next to", 1, 2)),
            ),
        ),
        (
            "2 red balls and a dog without cats",
            Description((Entity("ball", color="red", count=2), DOG), (), (Entity("cat"),)),
        ),
        (
            "behind a bus there is a tiny bunny, in the park",
            Description(
                (Entity("bus"), Entity("rabbit", size="small")), (Claim("behind", 1, 0),), (), "park"
            ),
        ),
        (
            "a man and a woman are sitting on a bench",
            Description(
                (Entity("man", pose="sitting"), Entity("woman", pose="sitting"), Entity("bench")),
                (Claim("on", 0, 2), Claim("on", 1, 2)),
            ),
        ),
        (
            "a boy who is wearing a green shirt is riding a bike",
            Description((Entity("boy", color="green"), Entity("bicycle")), (Claim("riding", 0, 1),)),
        ),
        ("a park without dogs or red cars", Description((), (), (DOG, CAR), "park")),
    ],
)
def test_cousins_of_the_thesis(text: str, expected: Description) -> None:
    assert read(text) == expected


def test_an_unknown_word_is_named_with_near_words_and_another_guide() -> None:
    with pytest.raises(LanguageError, match="--guide") as caught:
        read("a red elefant next to a zebra")
    assert caught.value.words == ("elefant", "zebra")
    assert caught.value.near["elefant"][0] == "elephant"
    assert "'elefant' (near: elephant" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dogs and a cat", "how many dogs"),
        ("a dog left of", "cannot be read from 'left of' on"),
        ("a dog and a cat behind him", "not clear what 'him' is"),
        ("behind a bus", "not said what is behind it"),
        ("a man is riding a cat", "horse, elephant, bicycle"),
        ("a striped dog", "dog that is striped"),
        ("a woman is holding a cup and walking towards a dog", "two poses at once"),
        ("four dogs, four cats, four cows and a bird", "13 things in one picture"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(LanguageError, match="--guide") as caught:
        read(text)
    assert why in str(caught.value)


@pytest.mark.parametrize("text", ["two dogs", "a dog and a cat", "a dog left of a cat"])
def test_a_phrase_names_one_thing(text: str) -> None:
    with pytest.raises(LanguageError, match="one thing"):
        read_phrase(text)


def test_tokens_keep_words_and_single_commas() -> None:
    assert tokens(" A  red-car,, and 'two' dogs. ") == ["a", "red", "car", ",", "and", "two", "dogs"]
