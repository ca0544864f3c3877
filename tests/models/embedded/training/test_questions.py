"""Questions: their answers are true by another reading of them, and no answer is usual."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from tasvir.guide.embedded.grammar import read, read_phrase
from tasvir.models.embedded.training.questions import (
    TEMPLATE,
    Question,
    long_questions,
    short_questions,
)
from tasvir.models.embedded.words import UNKNOWN, table, tokenizer
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Description, Entity, check, fits
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Scene

HEAD, TAIL = TEMPLATE.split("{}")


def asked(number: int) -> list[tuple[Scene, Question]]:
    rng = np.random.default_rng(number)
    found = []
    for _ in range(number):
        scene = sample_scene(rng)
        found += [
            (scene, question)
            for question in (*short_questions(scene, rng, 6), *long_questions(scene, rng, 2))
        ]
    return found


@pytest.fixture(scope="module")
def questions() -> list[tuple[Scene, Question]]:
    return asked(250)


def test_captions_and_phrases_are_answered_as_the_guides_reader_reads_them(
    questions: list[tuple[Scene, Question]],
) -> None:
    checked: Counter[str] = Counter()
    for scene, question in questions:
        if question.form == "caption":
            text = question.text.removeprefix(HEAD).removesuffix(TAIL).removesuffix("?")
            true = check(read(text), scene.things, scene.background).all_true
        elif question.form == "phrase":
            text = re.sub(r"^is there | in the picture\?$|\?$", "", question.text)
            text = text.removeprefix(HEAD).removesuffix(TAIL.rstrip("?"))
            true = any(fits(read_phrase(text.removesuffix(TAIL)), thing) for thing in scene.things)
        else:
            continue
        checked[question.form] += 1
        assert question.answer == ("yes" if true else "no"), question
    assert checked["caption"] > 300 and checked["phrase"] > 300


def test_relations_hold_as_they_are_answered(questions: list[tuple[Scene, Question]]) -> None:
    checked = 0
    for scene, question in questions:
        found = re.fullmatch(r"is the (\w+) (.+) the (\w+)\?", question.text)
        if question.form != "relation" or found is None or found[1] not in catalogue():
            continue
        a, wording, b = found.groups()
        told = read(f"a {a} is {wording} a {b}")
        entities = tuple(Entity(entity.kind) for entity in told.entities)
        described = Description(entities, told.claims)
        outcome = check(described, scene.things)
        assert question.answer == ("yes" if outcome.all_true else "no"), question
        checked += 1
    assert checked > 100


def test_one_word_answers_count_and_name_what_is_there(questions: list[tuple[Scene, Question]]) -> None:
    nouns = {kind.plural: kind.name for kind in catalogue().values()}
    checked: Counter[str] = Counter()
    for scene, question in questions:
        if counted := re.fullmatch(r"how many (?:(\w+) )?(\w+) are there\?", question.text):
            color, noun = counted.groups()
            number = sum(thing.kind == nouns[noun] and color in (None, thing.color) for thing in scene.things)
            assert question.answer == str(number), question
        elif named := re.fullmatch(r"what color is the (\w+?)(?: wearing)?\?", question.text):
            assert {question.answer} == {t.color for t in scene.things if t.kind == named[1]}, question
        elif question.text == "where is this?":
            assert question.answer == scene.background
        else:
            continue
        checked[question.form] += 1
    assert min(checked[form] for form in ("count", "color", "place")) > 10


def test_no_answer_is_usual_and_every_word_is_known(questions: list[tuple[Scene, Question]]) -> None:
    read_words = tokenizer(80)
    yes_no = [question for _, question in questions if question.answer in ("yes", "no")]
    forms = {question.form for question in yes_no}
    for form in forms - {"count"}:
        marks = [question.answer == "yes" for question in yes_no if question.form == form]
        assert 0.38 < sum(marks) / len(marks) < 0.62, form
    assert forms == {"phrase", "caption", "relation", "attribute", "count", "place"}
    for _, question in questions:
        assert UNKNOWN not in read_words(question.text)["input_ids"], question.text
        assert question.answer in table()
        assert (question.answer == "no") == bool(question.fault)
