"""Layouts to tensors: which entry is what, and what the masks say."""

from __future__ import annotations

import torch

from tasvir.models.embedded.conditioning import PHRASE_WORDS, WHOLE, Grounding, tokenize
from tasvir.models.embedded.text import EmbeddedTextEncoder

ENCODER = EmbeddedTextEncoder(vocabulary=("a", "dog", "park", "red"), width=64, depth=1)
A, DOG, PARK, RED = 2, 3, 4, 5
LEFT, RIGHT = (0.0, 0.25, 0.5, 0.75), (0.5, 0.25, 1.0, 0.75)


def test_entry_0_is_the_background_and_the_rest_keep_their_order() -> None:
    condition = tokenize(
        ENCODER,
        ["a dog", ""],
        [Grounding(("a dog", "a red dog"), (LEFT, RIGHT), "park"), Grounding(("red",), (RIGHT,))],
    )
    assert condition.prompts.tolist() == [[A, DOG], [0, 0]]
    assert condition.phrases[0, :, :4].tolist() == [[PARK, 0, 0, 0], [A, DOG, 0, 0], [A, RED, DOG, 0]]
    assert condition.phrases[1, :, :2].tolist() == [[0, 0], [RED, 0], [0, 0]]
    assert condition.boxes.tolist() == [
        [list(WHOLE), list(LEFT), list(RIGHT)],
        [list(WHOLE), list(RIGHT), [0.0] * 4],
    ]
    assert condition.box_mask.tolist() == [[True, True, True], [False, True, False]]


def test_nothing_at_all_is_all_masked() -> None:
    condition = tokenize(ENCODER, ["a", "a"], [Grounding(), Grounding()])
    assert condition.box_mask.tolist() == [[False], [False]]
    assert not condition.phrases.any()


def test_long_phrases_are_cut_to_what_is_read() -> None:
    condition = tokenize(ENCODER, [""], [Grounding(("dog " * 40,), (LEFT,))])
    assert condition.phrases.shape == (1, 2, PHRASE_WORDS)
    assert torch.equal(condition.phrases[0, 1], torch.full((PHRASE_WORDS,), DOG))
