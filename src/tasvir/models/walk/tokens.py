"""A prompt's letters as the tokens that an encoder is given, grouped into the words that a person sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasvir.models.embedded.text import MAX_WORDS, EmbeddedTextEncoder, words
from tasvir.models.walk.record import Token

_WORD_END = "</w>"


def word_tokens(encoder: EmbeddedTextEncoder, prompt: str) -> tuple[Token, ...]:
    """Tokens of the embedded encoder: one a word, number 1 for all words that it does not know."""
    tokens = []
    for place, word in enumerate(words(prompt)):
        number = encoder.index.get(word)
        if place >= MAX_WORDS:
            tokens.append(Token(word, None, "truncated", place))
        else:
            tokens.append(Token(word, number or 1, "word" if number else "unknown", place))
    return tuple(tokens)


def clip_tokens(tokenizer: Any, prompt: str) -> tuple[tuple[Token, ...], int]:
    """Tokens of a CLIP tokenizer, and how often padding follows.

    Byte pairs (Sennrich et al. 2016) cover every text, so none is unknown; beyond the limit all is cut. One
    token stands for all of the padding.
    """
    limit = int(tokenizer.model_max_length)
    numbers = [int(number) for number in tokenizer(prompt, truncation=False).input_ids]
    start, body, end = numbers[0], numbers[1:-1], numbers[-1]
    belongs = _words_of(tokenizer.convert_ids_to_tokens(body))
    tokens = [Token(_text(tokenizer, [start]), start, "start")]
    for place, (number, word) in enumerate(zip(body, belongs, strict=True)):
        cut = place >= limit - 2
        tokens.append(
            Token(_text(tokenizer, [number]), None if cut else number, "truncated" if cut else "word", word)
        )
    read = min(len(body), limit - 2)
    tokens.insert(1 + read, Token(_text(tokenizer, [end]), end, "end"))
    padding = limit - read - 2
    if padding:
        number = int(tokenizer.pad_token_id)
        tokens.insert(2 + read, Token(_text(tokenizer, [number]), number, "padding"))
    return tuple(tokens), padding


def clip_words(tokenizer: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The words of `clip_tokens` as far as they are read, letters put together again."""
    pieces: dict[int, list[int]] = {}
    for token in tokens:
        if token.word is not None and token.number is not None:
            pieces.setdefault(token.word, []).append(token.number)
    return tuple(_text(tokenizer, numbers) for numbers in pieces.values())


def _words_of(pieces: Sequence[str]) -> list[int]:
    """The index of the word that each piece belongs to."""
    belongs, word = [], 0
    for piece in pieces:
        belongs.append(word)
        word += piece.endswith(_WORD_END)
    return belongs


def _text(tokenizer: Any, numbers: list[int]) -> str:
    """Letters of tokens; half a letter, as there are in other scripts, is shown by its raw name."""
    decoded = str(tokenizer.decode(numbers)).strip()
    if "\ufffd" in decoded or not decoded:
        return "".join(tokenizer.convert_ids_to_tokens(numbers)).removesuffix(_WORD_END)
    return decoded
