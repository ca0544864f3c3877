"""What a walk leaves behind: numbers and pictures as PNG bytes, no tensors, so that a page can be made of it.

`Walk.to_dict` is the same without the pictures, for JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

TokenKind = Literal["word", "unknown", "start", "end", "padding", "truncated"]
AttentionKind = Literal["cross", "joint", "shared"]
"""What the softmax runs over: the text's tokens; patches, boxes and words; patches and the text's tokens."""
Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to be shown: PNG bytes and the pixels in them."""

    png: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the prompt as the text encoder is given it.

    Args:
        text: The piece in letters.
        number: Its entry in the vocabulary; None where the encoder never gets it.
        kind: "truncated" lies beyond the token limit, "unknown" stands for a word that has no entry.
        word: Index of the word that it belongs to, or None.
    """

    text: str
    number: int | None
    kind: TokenKind
    word: int | None = None


@dataclass(frozen=True, slots=True)
class Encoder:
    """A text encoder and what it made of the prompt's letters.

    Args:
        tokenizer: Class name.
        model: Class name.
        vocabulary: Entries of the tokenizer.
        limit: Most tokens that are read, with those for begin and end.
        width: Size of a vector.
        layers: Transformer layers.
        heads: Attention heads a layer.
        parameters: Weights.
        tokens: In order; padding stands once, however often it is repeated.
        padding: How often.
        seconds: For all texts of this drawing.
    """

    tokenizer: str
    model: str
    vocabulary: int
    limit: int
    width: int
    layers: int
    heads: int
    parameters: int
    tokens: tuple[Token, ...]
    padding: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TextVectors:
    """What reaches the denoiser of the prompt.

    Args:
        shape: (tokens, width).
        labels: The tokens that ``norms`` and the strip's rows stand for, padding left out.
        norms: Euclidean length of each vector.
        words: The words that ``similarity`` compares.
        similarity: Cosine between the words' vectors (means over their tokens), in [-1, 1].
        strip: The vectors as colours, a row a token.
    """

    shape: tuple[int, int]
    labels: tuple[str, ...]
    norms: tuple[float, ...]
    words: tuple[str, ...]
    similarity: tuple[tuple[float, ...], ...]
    strip: Shown


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise that drawing starts from, held against N(0, 1).

    Args:
        shape: (channels, rows, columns).
        mean: Of all cells; z is this in its own standard errors.
        std: Standard deviation.
        skew: Third standardised moment, 0 for N(0, 1).
        kurtosis: Fourth standardised moment less 3, 0 for N(0, 1).
        z: mean * sqrt(count).
        distance: Largest gap between the two distribution functions (Kolmogorov 1933).
        critical: The gap that N(0, 1) itself exceeds in 5 of 100 draws of this size, 1.358 / sqrt(count).
        edges: Bounds of the histogram's bins.
        counts: Cells in each bin.
        expected: Cells in each bin under N(0, 1).
        digest: SHA-256 of the numbers in single precision: the same noise has the same.
        picture: The channels as colours.
    """

    shape: tuple[int, ...]
    mean: float
    std: float
    skew: float
    kurtosis: float
    z: float
    distance: float
    critical: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    expected: tuple[float, ...]
    digest: str
    picture: Shown


@dataclass(frozen=True, slots=True)
class Guidance:
    """The two predictions of one step: with the text (c) and without it (u).

    Args:
        text: |c|.
        empty: |u|.
        gap: |c - u|.
        angle: Between c and u, degrees.
        turn: Between c - u and u, degrees: 90 where the text adds something that was not there at all.
    """

    text: float
    empty: float
    gap: float
    angle: float
    turn: float


@dataclass(frozen=True, slots=True)
class Previews:
    """What a chosen step looked like.

    Args:
        latents: Channels after the step, as the next one is given them, as colours.
        decoded: The latents after the step, decoded as they are, noise and all.
        clean: The clean picture that the step foresaw (predicted x0), under guidance.
        clean_text: The same from the prediction with the text alone (scale 1); None without guidance.
        clean_empty: The same from the prediction without any text; None without guidance.
    """

    latents: Shown
    decoded: Shown
    clean: Shown
    clean_text: Shown | None
    clean_empty: Shown | None


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the denoiser and the scheduler's step after it.

    Args:
        number: From 1.
        timestep: What the denoiser is told, 0..1000.
        signal: Share of the clean picture in the latent's variance, alpha bar, 0..1.
        std: Standard deviation of the latent after the step, as the next one is given it.
        guidance: None where guidance is off.
        seconds: The denoiser's own time, without what the recording took.
        previews: None where the step was not chosen.
    """

    number: int
    timestep: float
    signal: float
    std: float
    guidance: Guidance | None
    seconds: float
    previews: Previews | None = None


@dataclass(frozen=True, slots=True)
class WordMap:
    """Where in the picture a word was looked at.

    Args:
        word: As it stands in the prompt.
        share: Mean attention of a pixel on the word, 0..1.
        peak: The greatest of any pixel.
        centre: (x, y) of the attention above its least, in fractions of the picture.
        heat: Transparent where the attention is least.
    """

    word: str
    share: float
    peak: float
    centre: tuple[float, float]
    heat: Shown


@dataclass(frozen=True, slots=True)
class Attention:
    """Attention of the picture on the words, averaged over heads, layers and steps.

    Args:
        kind: What else the softmax runs over.
        grid: Rows and columns of the maps, the finest of all layers.
        layers: Layers that were averaged.
        maps: Softmaxes that were averaged: layers x steps.
        words: One a word of the prompt that was read.
        others: Share of what is no word: "start", "end", "padding", "patches", "boxes", "t5".
        deviation: How far from 1 the softmax of any pixel summed up; rounding alone.
    """

    kind: AttentionKind
    grid: tuple[int, int]
    layers: int
    maps: int
    words: tuple[WordMap, ...]
    others: Mapping[str, float]
    deviation: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the decoder: what came out, and its three strongest components as red, green and blue."""

    name: str
    layer: str
    shape: tuple[int, ...]
    seconds: float
    picture: Shown


@dataclass(frozen=True, slots=True)
class Walk:
    """One drawing, part by part.

    Args:
        prompt: As it was given.
        model: The name by which the model was asked for.
        family: "embedded", "unet" or "transformer".
        seed: Of the noise.
        steps: Asked for; the scheduler may call the denoiser once or twice more.
        scale: Guidance scale.
        layout: Whether boxes were given.
        facts: What the model is, by keys that the page's texts explain.
        encoders: One or two.
        text: What they made of the prompt.
        noise: The start.
        trail: Every step.
        attention: Of the words over the picture.
        decoder: Stage by stage.
        decoder_seconds: The whole of it.
        seconds: The whole call, with what recording took.
        recording: Seconds of that which recording took.
        picture: What was drawn.
        plain: The same noise without guidance (scale 1); None where guidance is off.
    """

    prompt: str
    model: str
    family: str
    seed: int
    steps: int
    scale: float
    layout: bool
    facts: Mapping[str, Fact]
    encoders: tuple[Encoder, ...]
    text: TextVectors
    noise: Noise
    trail: tuple[Step, ...]
    attention: Attention
    decoder: tuple[Stage, ...]
    decoder_seconds: float
    seconds: float
    recording: float
    picture: Shown
    plain: Shown | None

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON; a picture is its size. What is not finite is None."""
        made: dict[str, Any] = _plain(self)
        return made


def _plain(value: Any) -> Any:
    if isinstance(value, Shown):
        return {"width": value.width, "height": value.height}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
