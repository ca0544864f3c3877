"""Words to numbers and vectors: what is known, what is cut, what padding must not change."""

from __future__ import annotations

import pytest
import torch

from tasvir.models.embedded.text import MAX_WORDS, EmbeddedTextEncoder, words

VOCABULARY = ("a", "ball", "car", "dog", "left", "of", "red")


@pytest.fixture(scope="module")
def encoder() -> EmbeddedTextEncoder:
    torch.manual_seed(0)
    return EmbeddedTextEncoder(vocabulary=VOCABULARY, width=64, depth=2).eval()


def test_words_are_lower_case_with_commas_of_their_own() -> None:
    assert words("A Red car, the dog's ball!") == ["a", "red", "car", ",", "the", "dog's", "ball"]
    assert words(" ... ") == []


def test_numbers_by_hand(encoder: EmbeddedTextEncoder) -> None:
    # 0 pads, 1 is unknown, the vocabulary counts from 2 in its order
    assert encoder.tokenize(["a red dog", "zebra", ""]).tolist() == [[2, 8, 5], [1, 0, 0], [0, 0, 0]]


def test_no_text_is_one_column_of_padding(encoder: EmbeddedTextEncoder) -> None:
    assert encoder.tokenize([""]).tolist() == [[0]]


def test_what_is_beyond_the_limit_is_cut_and_told(encoder: EmbeddedTextEncoder) -> None:
    assert encoder.tokenize(["a red dog"], limit=2).tolist() == [[2, 8]]
    assert encoder.unread("a red dog", limit=2) == ("dog",)
    assert encoder.tokenize(["a " * (MAX_WORDS + 9)]).shape == (1, MAX_WORDS)


def test_unread_names_each_unknown_word_once(encoder: EmbeddedTextEncoder) -> None:
    assert encoder.unread("a zebra, a red zebra left of Mars") == ("zebra", "mars")
    assert encoder.unread("a red dog") == ()


def test_padding_changes_no_word(encoder: EmbeddedTextEncoder) -> None:
    with torch.no_grad():
        alone, mask = encoder.encode_prompts(encoder.tokenize(["a red dog"]))
        padded, padded_mask = encoder.encode_prompts(
            encoder.tokenize(["a red dog", "a dog left of a red car"])
        )
    assert mask.tolist() == [[True] * 3]
    assert padded_mask[0].tolist() == [True] * 3 + [False] * 4
    torch.testing.assert_close(padded[0, :3], alone[0])


def test_word_order_matters_in_a_prompt_and_not_in_a_phrase(encoder: EmbeddedTextEncoder) -> None:
    one, other = encoder.tokenize(["a car left of a dog"]), encoder.tokenize(["a dog left of a car"])
    with torch.no_grad():
        assert (encoder.encode_prompts(one)[0] - encoder.encode_prompts(other)[0]).abs().max() > 0.1
        torch.testing.assert_close(encoder.encode_phrases(one), encoder.encode_phrases(other))


def test_a_phrase_is_its_words_whatever_the_padding(encoder: EmbeddedTextEncoder) -> None:
    tokens = encoder.tokenize(["red ball"])
    wider = torch.cat([tokens, torch.zeros(1, 5, dtype=torch.long)], 1)
    with torch.no_grad():
        torch.testing.assert_close(encoder.encode_phrases(wider), encoder.encode_phrases(tokens))
