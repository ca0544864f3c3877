"""A walk as one HTML file, and two side by side: no network, no script, everything inline and escaped."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from tasvir.models.walk.record import Attention, Encoder, Fact, Noise, Shown, Step, Walk
from tasvir.report.charts import HEIGHT, WIDTH, Histogram, LineChart, histogram, line_chart
from tasvir.report.page_templates import template
from tasvir.report.walk_texts import texts

LONG = 90
"""A prompt of more letters is set smaller."""
LISTED = 12
"""So many pieces of the prompt that the model does not read are named again under the tokens."""


def render_walk(walk: Walk, language: str = "en") -> str:
    """One self-contained HTML page of a walk.

    Raises:
        SettingError: No such language.
    """
    words = texts(language)
    return template("walk.html").render(
        t=words,
        language=language,
        walk=walk,
        long=len(walk.prompt) > LONG,
        listed=LISTED,
        flow=_flow(walk),
        noise_checks=_noise_checks(walk.noise),
        noise_bars=_noise_bars(walk.noise),
        noise_normal=walk.noise.distance <= walk.noise.critical,
        step_charts=[
            line_chart(words["steps"]["signal"], [step.signal for step in walk.trail]),
            line_chart(words["steps"]["spread"], [step.std for step in walk.trail]),
        ],
        shown=[step for step in walk.trail if step.previews is not None],
        guidance_charts=_guidance_charts(walk, words["guidance"]),
        strongest=_strongest(walk),
        others=_others(walk.attention, words["attention"]),
        times=_times(walk),
        numbers=json.dumps(walk.to_dict(), ensure_ascii=False, indent=1),
        **_tools(),
    )


def render_pair(first: Walk, second: Walk, pages: tuple[str, str], language: str = "en") -> str:
    """One self-contained HTML page that holds two walks of the same prompt and seed against each other.

    Args:
        first: The left one.
        second: The right one.
        pages: File names of the two whole walks, beside this page.
        language: "en", "tr" or "zh".

    Raises:
        SettingError: No such language.
    """
    words = texts(language)
    return template("walk_pair.html").render(
        t=words,
        language=language,
        walks=(first, second),
        pages=pages,
        long=len(first.prompt) > LONG,
        same_noise=first.noise.digest == second.noise.digest,
        rows=compare(first, second),
        words=_paired_words(first.attention, second.attention),
        shown=[[step for step in walk.trail if step.previews is not None] for walk in (first, second)],
        charts=[_guidance_charts(walk, words["guidance"]) for walk in (first, second)],
        **_tools(),
    )


def compare(first: Walk, second: Walk) -> list[tuple[str, tuple[Fact, ...], tuple[Fact, ...], bool]]:
    """What two models are: key of the texts, values of the first and of the second, and whether they differ.

    A fact of a text encoder has a value for each of the model's text encoders.
    """
    left, right = _all_facts(first), _all_facts(second)
    return [(key, left[key], right[key], left[key] != right[key]) for key in left]


def _all_facts(walk: Walk) -> dict[str, tuple[Fact, ...]]:
    encoders = walk.encoders
    facts: dict[str, tuple[Fact, ...]] = {
        "pipeline": (walk.facts["pipeline"],),
        "tokenizer": tuple(encoder.tokenizer for encoder in encoders),
        "vocabulary": tuple(encoder.vocabulary for encoder in encoders),
        "limit": tuple(encoder.limit for encoder in encoders),
        "read": tuple(_read(encoder) for encoder in encoders),
        "lost": tuple(_lost(encoder) for encoder in encoders),
        "encoder": tuple(encoder.model for encoder in encoders),
        "encoder_width": tuple(encoder.width for encoder in encoders),
        "encoder_layers": tuple(encoder.layers for encoder in encoders),
        "encoder_heads": tuple(encoder.heads for encoder in encoders),
        "encoder_parameters": tuple(encoder.parameters for encoder in encoders),
    }
    facts |= {key: (value,) for key, value in walk.facts.items() if key != "pipeline"}
    return facts | {"steps": (walk.steps,), "scale": (walk.scale,)}


def _read(encoder: Encoder) -> int:
    return sum(token.kind in ("word", "unknown") for token in encoder.tokens)


def _lost(encoder: Encoder) -> int:
    return sum(token.kind in ("unknown", "truncated") for token in encoder.tokens)


def _paired_words(first: Attention, second: Attention) -> list[tuple[str, Any, Any]]:
    """Words of either model in order with their maps, or None; the second "a" goes with the second."""
    left, right = _numbered(first), _numbered(second)
    keys = [*left, *(key for key in right if key not in left)]
    return [(key[0], left.get(key), right.get(key)) for key in keys]


def _numbered(attention: Attention) -> dict[tuple[str, int], Any]:
    found: dict[tuple[str, int], Any] = {}
    for word in attention.words:
        text = word.word.lower()
        found[text, sum(key[0] == text for key in found)] = word
    return found


def _flow(walk: Walk) -> dict[str, Any]:
    """What the diagram shows of each part."""
    channels, rows, columns = walk.noise.shape
    return {
        "read": sum(_read(encoder) for encoder in walk.encoders[:1]),
        "text_shape": " × ".join(map(str, walk.text.shape)),
        "latent_shape": f"{channels} × {rows} × {columns}",
        "picture_shape": " × ".join(map(str, walk.decoder[-1].shape)),
        "encoding": sum(encoder.seconds for encoder in walk.encoders),
        "denoising": sum(step.seconds for step in walk.trail),
        "encoder_weights": sum(encoder.parameters for encoder in walk.encoders),
    }


def _noise_checks(noise: Noise) -> list[tuple[str, str, str, str]]:
    """Key of the texts, measured, key of the remark, and the value in it."""
    return [
        ("mean", f"{noise.mean:+.4f}", "wanted", "0"),
        ("std", f"{noise.std:.4f}", "wanted", "1"),
        ("skew", f"{noise.skew:+.4f}", "wanted", "0"),
        ("kurtosis", f"{noise.kurtosis:+.4f}", "wanted", "0"),
        ("distance", f"{noise.distance:.4f}", "critical", f"{noise.critical:.4f}"),
    ]


def _noise_bars(noise: Noise) -> Histogram:
    return histogram(noise.counts, noise.expected)


def _guidance_charts(walk: Walk, words: Mapping[str, str]) -> list[LineChart]:
    guided = [step.guidance for step in walk.trail if step.guidance is not None]
    if not guided:
        return []
    return [
        line_chart(words["gap"], [each.gap / max(each.empty, 1e-12) for each in guided]),
        line_chart(words["angle"], [each.angle for each in guided], "°"),
    ]


def _strongest(walk: Walk) -> tuple[Step, float] | None:
    """The step where the two answers differ most in parts of the one without text, and that part."""
    parts = [
        (step.guidance.gap / max(step.guidance.empty, 1e-12), step) for step in walk.trail if step.guidance
    ]
    if not parts:
        return None
    part, step = max(parts, key=lambda pair: pair[0])
    return step, part


def _others(attention: Attention, words: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(words[name], f"{share * 100:.1f} %") for name, share in attention.others.items()]


def _times(walk: Walk) -> list[tuple[str, str, float | None]]:
    """Key of the texts, shape, seconds."""
    flow = _flow(walk)
    denoising = flow["denoising"]
    return [
        ("encoding", flow["text_shape"], flow["encoding"]),
        ("noise", flow["latent_shape"], None),
        ("denoising", flow["latent_shape"], denoising),
        ("step", flow["latent_shape"], denoising / len(walk.trail)),
        ("decoding", flow["picture_shape"], walk.decoder_seconds),
        ("whole", "", walk.seconds - walk.recording),
        ("recording", "", walk.recording),
    ]


def _tools() -> dict[str, Any]:
    """Functions that the templates call."""
    return {
        "data": _data,
        "duration": _duration,
        "count": _count,
        "figure": _figure,
        "chart_width": WIDTH,
        "chart_height": HEIGHT,
    }


def _data(picture: Shown) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _count(number: int) -> str:
    """A number of weights, short."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return str(number)


def _figure(value: Fact) -> str:
    """A fact in letters; large whole numbers in groups of three."""
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", "\u202f")
    return f"{value:g}" if isinstance(value, float) else str(value)
