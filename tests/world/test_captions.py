"""Captions say only what is true, in words of the closed vocabulary and with correct articles."""

import re

import numpy as np
import pytest

from tasvir.world.captions import VOCABULARY, caption, phrase
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.placing import Dice
from tasvir.world.relations import RELATIONS
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene
from tasvir.world.wording import RELATION_WORDINGS
from tasvir.world.writing import noun_phrase, write

BOX = (0.1, 0.1, 0.4, 0.6)


@pytest.fixture(scope="module")
def told() -> list[tuple[Scene, str, Description]]:
    rng = np.random.default_rng(2)
    scenes = [sample_scene(rng, split="any") for _ in range(3000)]
    return [(scene, *caption(scene, rng)) for scene in scenes]


def test_captions_are_true(told: list[tuple[Scene, str, Description]]) -> None:
    for scene, text, description in told:
        outcome = check(description, scene.things, scene.background)
        assert outcome.all_true, (text, outcome.predicates)


def test_captions_keep_to_the_vocabulary(told: list[tuple[Scene, str, Description]]) -> None:
    assert {word for _, text, _ in told for word in text.replace(",", " ").split()} <= VOCABULARY
    assert all(word == word.lower() for word in VOCABULARY)


def test_articles_and_plurals(told: list[tuple[Scene, str, Description]]) -> None:
    plurals = {kind.plural for kind in catalogue().values()}
    for _, text, _ in told:
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  | ,", text), text
        words = text.replace(",", " ").split()
        for place, word in enumerate(words):
            if word in ("two", "three", "four"):
                noun = next(w for w in words[place:] if w in plurals or w in catalogue())
                assert noun in plurals, text


def test_what_the_text_names_is_what_is_described(told: list[tuple[Scene, str, Description]]) -> None:
    for _, text, description in told:
        words = text.replace(",", " ").split()
        last = -1
        for entity in description.entities:
            noun = catalogue()[entity.kind].plural if entity.count > 1 else entity.kind
            assert noun in words, text
            last = max(last, words.index(noun))
        assert all(entity.color is None or entity.color in words for entity in description.entities), text


def test_every_relation_has_three_wordings() -> None:
    for name in RELATIONS:
        assert len({w.text for w in RELATION_WORDINGS if w.name == name}) >= 3


@pytest.mark.parametrize(
    ("placed", "words"),
    [
        (Placed("ball", BOX, "red", "striped"), "a red striped ball"),
        (Placed("woman", BOX, "blue", pose="walking", facing="left"), "a woman in blue walking, facing left"),
        (Placed("dog", BOX, "brown", facing="right"), "a brown dog facing right"),
        (Placed("umbrella", BOX, "purple"), "a purple umbrella"),
    ],
)
def test_phrases(placed: Placed, words: str) -> None:
    assert phrase(placed) == words


def test_noun_phrases() -> None:
    assert noun_phrase(Entity("umbrella")) == "an umbrella"
    assert noun_phrase(Entity("elephant", size="small")) == "a small elephant"
    assert noun_phrase(Entity("bench", "blue", count=2)) == "two blue benches"
    assert noun_phrase(Entity("man", "red", count=3)) == "three men in red"
    assert noun_phrase(Entity("sheep", count=4)) == "four sheep"


def test_a_phrase_leaves_out_only_natural_colors() -> None:
    rng = np.random.default_rng(0)
    natural = {phrase(Placed("banana", BOX, "yellow"), rng) for _ in range(60)}
    assert any("yellow" in words for words in natural) and any("yellow" not in words for words in natural)
    assert all("blue" in phrase(Placed("banana", BOX, "blue"), rng) for _ in range(60))


def test_writing_numbers_entities_by_mention() -> None:
    description = Description(
        (Entity("woman"), Entity("umbrella"), Entity("bus", "blue")),
        (Claim("holding", 0, 1), Claim("behind", 2, 0)),
    )
    dice = Dice(np.random.default_rng(1))
    texts = set()
    for _ in range(1500):
        text, told = write(description, dice)
        texts.add(text)
        nouns = [entity.kind for entity in told.entities]
        assert sorted(nouns, key=lambda kind: text.index(kind)) == nouns
        assert {(c.name, nouns[c.subject], nouns[c.object]) for c in told.claims} == {
            ("holding", "woman", "umbrella"),
            ("behind", "bus", "woman"),
        }
    assert "a woman is holding an umbrella and a blue bus is behind her" in texts
    assert len(texts) > 40
