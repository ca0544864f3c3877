"""Plain captions: true, read back as they were meant, and the same for the same scene."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.guide.embedded.grammar import read
from tasvir.models.embedded.training.plain_captions import plain_caption
from tasvir.models.embedded.words import UNKNOWN, tokenizer
from tasvir.world.description import check
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene


def test_they_are_true_and_the_guides_reader_reads_them_as_they_were_meant() -> None:
    rng = np.random.default_rng(0)
    claims = 0
    for _ in range(300):
        scene = sample_scene(rng, split="any")
        text, described = plain_caption(scene)
        assert check(described, scene.things, scene.background).all_true, text
        assert read(text) == described, text
        assert plain_caption(scene)[0] == text
        claims += len(described.claims)
    assert claims > 80


def test_things_stand_from_left_to_right_and_equal_ones_together() -> None:
    things = (
        Placed("dog", (0.7, 0.6, 0.9, 0.8), "brown", facing="left"),
        Placed("ball", (0.4, 0.6, 0.5, 0.7), "red"),
        Placed("ball", (0.1, 0.6, 0.2, 0.7), "red"),
    )
    assert plain_caption(Scene(things, background="sea"))[0] == "two red balls and a brown dog by the sea"


@pytest.mark.parametrize(
    ("pose", "background", "wanted"),
    [
        ("sitting", "street", "a man in blue sitting in the street"),
        ("walking", "street", "a man in blue walking on the street"),
        ("standing", "plain", "a man in blue standing against a plain background"),
    ],
)
def test_a_place_is_never_read_as_what_somebody_sits_on(pose: str, background: str, wanted: str) -> None:
    thing = Placed("man", (0.2, 0.2, 0.5, 0.9), "blue", pose=pose, facing="left")
    assert plain_caption(Scene((thing,), background=background))[0] == wanted


def test_the_tokenizer_writes_a_caption_as_it_was() -> None:
    rng = np.random.default_rng(1)
    words = tokenizer(64)
    for _ in range(50):
        text = plain_caption(sample_scene(rng))[0]
        assert words.decode(words(text.upper())["input_ids"], skip_special_tokens=True) == text
    assert words("a dog, asleep")["input_ids"][4] == UNKNOWN
