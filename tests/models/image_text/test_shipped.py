"""The shipped models tell true from false, far better than chance, on scenes that training never showed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasvir.guide.embedded.grammar import read
from tasvir.models.embedded.training.faults import falsified
from tasvir.models.embedded.training.plain_captions import plain_caption
from tasvir.models.embedded.words import UNKNOWN
from tasvir.models.image_text.answerer import open_answerer
from tasvir.models.image_text.captioner import open_captioner
from tasvir.models.image_text.clip import open_clip
from tasvir.world.captions import caption
from tasvir.world.description import check
from tasvir.world.placing import Dice
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Scene
from tasvir.world.writing import write

pytestmark = pytest.mark.weights
N = 60


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    rng = np.random.default_rng([2**31, 99])
    return [sample_scene(rng, split="heldout") for _ in range(N)]


@pytest.fixture(scope="module")
def pictures(scenes: list[Scene]) -> list[Image.Image]:
    return [Image.fromarray(render(scene)) for scene in scenes]


def pairs(scenes: list[Scene], fault: str) -> tuple[list[int], list[str], list[str]]:
    """Scenes with a true caption and one with that fault."""
    rng = np.random.default_rng(7)
    rows, true, false = [], [], []
    for row, scene in enumerate(scenes):
        text, described = caption(scene, rng)
        wrong = falsified(described, scene, Dice(rng), fault)
        if wrong is not None:
            rows.append(row)
            true.append(text)
            false.append(write(wrong[1], Dice(rng))[0])
    return rows, true, false


def test_the_encoder_finds_the_picture_of_a_caption(scenes: list[Scene], pictures: list[Image.Image]) -> None:
    rng = np.random.default_rng(3)
    clip = open_clip("embedded")
    scores = clip.embed_texts([caption(scene, rng)[0] for scene in scenes]) @ clip.embed_pictures(pictures).T
    assert (scores.argmax(1) == np.arange(N)).mean() > 0.6  # chance: 1 in 60


@pytest.mark.parametrize("fault", ["kind", "color", "background"])
def test_true_captions_beat_false_twins(scenes: list[Scene], pictures: list[Image.Image], fault: str) -> None:
    rows, true, false = pairs(scenes, fault)
    shown = [pictures[row] for row in rows]
    clip, answerer = open_clip("embedded"), open_answerer("embedded")
    seen = clip.embed_pictures(shown)
    cosines = [(seen * clip.embed_texts(texts)).sum(1) for texts in (true, false)]
    assert (cosines[0] > cosines[1]).mean() > 0.7 and len(rows) > 20

    def sure(texts: list[str]) -> NDArray[np.float32]:
        found = answerer.answer_probabilities(shown, [f"{text}?" for text in texts])
        yes: NDArray[np.float32] = found[:, 0] / found.sum(1)
        return yes

    assert (sure(true) > sure(false)).mean() > 0.7


def test_the_answerer_sees_colors_and_counts(scenes: list[Scene], pictures: list[Image.Image]) -> None:
    answerer = open_answerer("embedded")
    colors = ("red", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
    single = [
        (row, thing)
        for row, scene in enumerate(scenes)
        for thing in scene.things
        if sum(other.kind == thing.kind for other in scene.things) == 1
    ]
    found = answerer.answer_probabilities(
        [pictures[row] for row, _ in single], [f"what color is the {t.kind}?" for _, t in single], colors
    )
    right = [colors[i] == thing.color for i, (_, thing) in zip(found.argmax(1), single, strict=True)]
    assert np.mean(right) > 0.6 and len(right) > 80  # chance: 1 in 9


def test_the_captioner_writes_captions_that_can_be_read_and_are_mostly_true(
    scenes: list[Scene], pictures: list[Image.Image]
) -> None:
    captioner = open_captioner("embedded")
    texts = captioner.caption(pictures)
    outcomes = [
        check(read(text), scene.things, scene.background) for text, scene in zip(texts, scenes, strict=True)
    ]
    assert np.mean([true for outcome in outcomes for _, true in outcome.predicates]) > 0.6
    others = [check(read(text), scenes[(n + 1) % N].things) for n, text in enumerate(texts)]
    assert np.mean([true for outcome in others for _, true in outcome.predicates]) < 0.4


def test_the_words_of_captions_and_metrics_are_known(scenes: list[Scene]) -> None:
    rng = np.random.default_rng(1)
    asked = [
        "A photo depicts",
        'Does this figure show "a red ball"? Please answer yes or no.',
        "Is there a dog?",
    ]
    texts = [*asked, *(caption(scene, rng)[0] for scene in scenes), *(plain_caption(s)[0] for s in scenes)]
    for opened in (open_clip("embedded"), open_answerer("embedded"), open_captioner("embedded")):
        tokens = opened._opened.processor.tokenizer(texts)["input_ids"]
        assert all(UNKNOWN not in row for row in tokens)
