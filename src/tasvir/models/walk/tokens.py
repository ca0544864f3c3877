"""A prompt's letters as the tokens that an encoder is given, grouped into the words that a person sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasvir.models.embedded.text import MAX_WORDS, EmbeddedTextEncoder, words
from tasvir.models.walk.record import Token

_WORD_END = "</w>"
"""CLIP's mark."""
_WORD_START = "\u2581"
"""T5's mark."""


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


def piece_tokens(tokenizer: Any, prompt: str, limit: int) -> tuple[tuple[Token, ...], int]:
    """Tokens of a tokenizer of CLIP's or T5's kind, and how often padding follows up to ``limit``.

    CLIP's byte pairs (Sennrich et al. 2016) cover every text, so none is unknown; beyond the limit all is
    cut. One token stands for all of the padding.
    """
    numbers = [int(number) for number in tokenizer(prompt, truncation=False).input_ids]
    start = numbers[:1] if numbers[0] == tokenizer.bos_token_id else []  # T5 marks the end alone
    body, end = numbers[len(start) : -1], numbers[-1]
    room = limit - len(start) - 1
    belongs = _words_of(tokenizer.convert_ids_to_tokens(body))
    tokens = [Token(_text(tokenizer, start), number, "start") for number in start]
    for number, word in zip(body[:room], belongs, strict=False):
        unknown = number == tokenizer.unk_token_id and number != end
        tokens.append(Token(_text(tokenizer, [number]), number, "unknown" if unknown else "word", word))
    tokens.append(Token(_text(tokenizer, [end]), end, "end"))
    padding = limit - len(tokens)
    if padding:
        number = int(tokenizer.pad_token_id)
        tokens.append(Token(_text(tokenizer, [number]), number, "padding"))
    for number, word in zip(body[room:], belongs[room:], strict=True):
        tokens.append(Token(_text(tokenizer, [number]), None, "truncated", word))
    return tuple(tokens), padding


def piece_words(tokenizer: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The words of `piece_tokens` as far as they are read, letters put together again."""
    pieces: dict[int, list[int]] = {}
    for token in tokens:
        if token.word is not None and token.number is not None:
            pieces.setdefault(token.word, []).append(token.number)
    return tuple(_text(tokenizer, numbers) for numbers in pieces.values())


def _words_of(pieces: Sequence[str]) -> list[int]:
    """The index of the word that each piece belongs to."""
    belongs, word = [], 0
    for place, piece in enumerate(pieces):
        word += piece.startswith(_WORD_START) and place > 0
        belongs.append(word)
        word += piece.endswith(_WORD_END)
    return belongs


def _text(tokenizer: Any, numbers: list[int]) -> str:
    """Letters of tokens; half a letter, as there are in other scripts, is shown by its raw name."""
    decoded = str(tokenizer.decode(numbers)).strip()
    if "\ufffd" in decoded or not decoded:
        return "".join(tokenizer.convert_ids_to_tokens(numbers)).removesuffix(_WORD_END)
    return decoded
