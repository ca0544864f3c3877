"""Noun phrases: by rules on sentences of the kinds that suites have, by facts, and by a parser."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from tasvir.errors import SettingError
from tasvir.records import SuitePrompt
from tasvir.score import noun_chunks, phrases
from tasvir.score.metrics.b_vqa_upstream import BVqaUpstreamMetric
from tasvir.score.noun_chunks import noun_phrases, without_adjectives
from tasvir.score.phrases import DESCRIBED, open_chunker, phrases_of, sources
from tasvir.world.description import Description, Entity

BY_HAND = {
    "a pink kettle and a grey stone": ["a pink kettle", "a grey stone"],
    "an oval tray and a conical lampshade": ["an oval tray", "a conical lampshade"],
    "a rubber boot and wooden spoons": ["a rubber boot", "wooden spoons"],
    "a kite on the left of a tree": ["a kite", "a tree"],
    "a spoon on side of a jar": ["a spoon", "a jar"],
    "a mug on the top of a book": ["a mug", "a book"],
    "a fox hidden by a barrel": ["a fox", "a barrel"],
    "a stool in front of a piano": ["a stool", "a piano"],
    "three foxes, two kettles and one drum": ["three foxes", "two kettles", "one drum"],
    "six kites floated over five tents": ["six kites", "five tents"],
    "The black and yellow bee sat next to the soft petal.": ["the black and yellow bee", "the soft petal"],
    "The old, rusty gate leaned on the mossy wall.": ["the old rusty gate", "the mossy wall"],
    "The polished brass bell rang in the quiet hall.": ["the polished brass bell", "the quiet hall"],
    "The tall sailor cast her net into the sea.": ["the tall sailor", "her net", "the sea"],
    "The bright lamp contrasted with the dark room.": ["the bright lamp", "the dark room"],
    "A baker is holding a tray and whistling.": ["a baker", "a tray"],
    "A girl wearing red gloves is riding a pony.": ["a girl", "red gloves", "a pony"],
    "A group of students are painting a wall.": ["a group", "students", "a wall"],
    "A boy is trying to catch a ball in the garden.": ["a boy", "a ball", "the garden"],
    "The snow-covered roof sparkled in the morning light.": ["the snow-covered roof", "the morning light"],
    "A cat is lazily sleeping on a rug.": ["a cat", "a rug"],
    "The cake is sweet and the tea is hot.": ["the cake", "the tea"],
    "a dog": ["a dog"],
    "": [],
    "slowly, over and over": [],
}


@pytest.mark.parametrize("text", BY_HAND)
def test_phrases_by_rules(text: str) -> None:
    assert noun_phrases(text) == BY_HAND[text]


def test_what_the_rules_get_wrong() -> None:
    """Limits that docs/metrics.md tells: a bare infinitive and a participle without their own lists."""
    assert noun_phrases("A man is watching a balloon rise") == ["a man", "a balloon rise"]
    assert noun_phrases("A girl is feeling proud") == ["a girl", "feeling proud"]


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("The old rusty gate leaned on the mossy wall.", "the gate leaned on the wall."),
        ("a black and white cat on a wooden chair", "a cat on a chair"),
        ("The soft, fluffy cloud drifted over two tall towers", "the cloud drifted over two towers"),
        ("a dog", "a dog"),
        ("The cake is sweet", "the cake is sweet"),
    ],
)
def test_adjectives_before_their_noun_are_taken_out(text: str, without: str) -> None:
    assert without_adjectives(text) == without


def test_facts_go_first_then_the_description_then_the_text() -> None:
    rules = open_chunker("rules")
    described = Description((Entity("ball", "red", count=2), Entity("dog")), (), (Entity("cat"),), "park")
    facts = {"description": described.to_dict()}
    found = phrases_of(SuitePrompt("", "two red balls and a dog in a park without cats", facts=facts), rules)
    assert found.found == ("two red balls", "a dog", "a park") and found.source == DESCRIBED
    told = phrases_of(SuitePrompt("", "x", facts={**facts, "phrases": ["a fox"]}), rules)
    assert (told.found, told.source) == (("a fox",), "facts")
    read = phrases_of(SuitePrompt("", "a fox and a hen"), rules)
    assert (read.found, read.source) == (("a fox", "a hen"), noun_chunks.NAME)
    assert sources(rules) == ["facts", DESCRIBED, noun_chunks.NAME]


def test_spacy_is_taken_where_it_is_and_named_with_its_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our side of it alone: spaCy itself is replaced by something of its form."""
    chunks = [
        SimpleNamespace(text="A Fox", root=SimpleNamespace(pos_="NOUN")),
        SimpleNamespace(text="it", root=SimpleNamespace(pos_="PRON")),
    ]
    parser = lambda _text: SimpleNamespace(noun_chunks=chunks)  # noqa: E731
    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=lambda _name: parser))
    monkeypatch.setattr(phrases, "version", {"spacy": "3.8.7", "en_core_web_sm": "3.8.0"}.__getitem__)
    phrases._parser.cache_clear()
    chunker = open_chunker()
    assert chunker.name == "spacy 3.8.7 en_core_web_sm 3.8.0"
    assert phrases_of(SuitePrompt("", "A Fox saw it"), chunker).found == ("a fox",)
    with_pronouns = open_chunker(pronouns=True)
    assert with_pronouns.chunk("A Fox saw it") == ["a fox", "it"] and with_pronouns.name != chunker.name
    assert BVqaUpstreamMetric("embedded").sources() == ["facts", with_pronouns.name]
    assert open_chunker("rules").name == noun_chunks.NAME
    phrases._parser.cache_clear()


def test_a_chunker_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(phrases, "version", missing)
    assert open_chunker("auto").name == noun_chunks.NAME
    with pytest.raises(SettingError, match="pip install spacy"):
        open_chunker("spacy")
    with pytest.raises(SettingError, match="auto, rules or spacy"):
        open_chunker("nltk")
