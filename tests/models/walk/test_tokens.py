"""Tokens as they are told on the page are those that the encoders get."""

from __future__ import annotations

from typing import Any

import pytest

from tasvir.models.embedded.text import MAX_WORDS
from tasvir.models.tiny.language import t5_tokenizer
from tasvir.models.walk.tokens import piece_tokens, piece_words, word_tokens


@pytest.mark.parametrize("prompt", ["a red car", "a çat <b>", "", "word " * 40])
def test_clip_tokens_are_what_the_tokenizer_gives(tiny_v2: Any, prompt: str) -> None:
    tokenizer = tiny_v2.tokenizer
    given = tokenizer(prompt, padding="max_length", truncation=True, max_length=77).input_ids
    tokens, padding = piece_tokens(tokenizer, prompt, 77)
    read = [token.number for token in tokens if token.kind not in ("padding", "truncated")]
    assert given == read + [tokenizer.pad_token_id] * padding
    assert tokens[0].kind == "start"
    assert sum(token.kind == "end" for token in tokens) == 1


def test_cut_off_is_everything_beyond_the_limit(tiny_v1: Any) -> None:
    tokens, padding = piece_tokens(tiny_v1.tokenizer, "abcd " * 20, 77)
    assert padding == 0
    assert sum(token.kind == "word" for token in tokens) == 75
    assert sum(token.kind == "truncated" for token in tokens) == 80 - 75
    assert all(token.number is None for token in tokens if token.kind == "truncated")
    assert piece_words(tiny_v1.tokenizer, tokens)[-1] == "abc"  # the 19th word but for its last letter


def test_pieces_belong_to_their_words(tiny_v2: Any) -> None:
    tokens, _ = piece_tokens(tiny_v2.tokenizer, "a car çat", 77)
    assert piece_words(tiny_v2.tokenizer, tokens) == ("a", "car", "çat")
    pieces = [(token.text, token.word) for token in tokens if token.word is not None]
    assert pieces == [("a", 0), ("car", 1), ("Ã", 2), ("§", 2), ("a", 2), ("t", 2)]


@pytest.mark.parametrize("prompt", ["a red car", "a çat", "", "word " * 60])
def test_t5_tokens_are_what_the_tokenizer_gives(prompt: str) -> None:
    """No mark at the beginning, a word starts where its mark is, letters without an entry are unknown."""
    tokenizer = t5_tokenizer()
    given = tokenizer(prompt, padding="max_length", truncation=True, max_length=256).input_ids
    tokens, padding = piece_tokens(tokenizer, prompt, 256)
    read = [token.number for token in tokens if token.kind not in ("padding", "truncated")]
    assert given == read + [tokenizer.pad_token_id] * padding
    assert [token.kind for token in tokens if token.text == "<unk>"] == ["unknown"] * ("ç" in prompt)
    assert len({token.word for token in tokens if token.word is not None}) == len(prompt.split())


def test_embedded_tokens(tiny_pipeline: Any) -> None:
    encoder = tiny_pipeline.text_encoder
    tokens = word_tokens(encoder, "A red zebra " + "car " * MAX_WORDS)
    assert [token.kind for token in tokens[:3]] == ["word", "word", "unknown"]
    assert tokens[2].number == 1
    assert [token.kind for token in tokens[MAX_WORDS:]] == ["truncated"] * 3
    given = encoder.tokenize(["A red zebra " + "car " * MAX_WORDS])[0].tolist()
    assert given == [token.number for token in tokens[:MAX_WORDS]]
