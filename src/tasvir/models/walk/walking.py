"""From a pipeline and a prompt to a `Walk`: draw under watch, then make numbers and pictures of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tasvir.errors import SettingError
from tasvir.models.embedded.conditioning import Grounding
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.walk import pictures
from tasvir.models.walk.embedded import EmbeddedFamily
from tasvir.models.walk.family import Drawing, Family, TextPlaces
from tasvir.models.walk.measures import clean_latent, guidance_effect, noise_facts, prediction_of
from tasvir.models.walk.record import (
    Attention,
    Encoder,
    Previews,
    Shown,
    Stage,
    Step,
    TextVectors,
    Walk,
    WordMap,
)
from tasvir.models.walk.recorder import Passed, Recorder
from tasvir.models.walk.transformer import TransformerFamily
from tasvir.models.walk.unet import UnetFamily

UNET_PIPELINES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
"""By name: importing them would take seconds where only the embedded model is walked through."""
SHOWN_STEPS = 5
PICTURE_SIDE = 512
"""Longest side of the pictures on the page; a page is a few megabytes at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to draw and which steps to show.

    Args:
        prompt: The text.
        seed: Of the noise.
        steps: None takes the family's choice.
        scale: Guidance scale; None takes the family's choice.
        show: Step numbers from 1; None takes five from first to last.
        grounding: A layout, for models that read one.
    """

    prompt: str
    seed: int = 0
    steps: int | None = None
    scale: float | None = None
    show: tuple[int, ...] | None = None
    grounding: Grounding | None = None


def family_of(pipeline: Any) -> Family:
    """The family that knows the pipeline's seams.

    Raises:
        SettingError: None does.
    """
    if isinstance(pipeline, EmbeddedLayoutPipeline):
        return EmbeddedFamily(pipeline)
    if type(pipeline).__name__ in UNET_PIPELINES:
        return UnetFamily(pipeline)
    if type(pipeline).__name__ == "StableDiffusion3Pipeline":
        return TransformerFamily(pipeline)
    raise SettingError(
        f"{type(pipeline).__name__} cannot be walked through: take the embedded model, or Stable "
        "Diffusion 1.x, 2.x, XL or 3"
    )


@torch.no_grad()
def walk(pipeline: Any, asked: Asked, model: str) -> Walk:
    """Draw once under watch, and once without guidance, and say what happened.

    Args:
        pipeline: An opened pipeline of a known family.
        asked: What to draw.
        model: The name to be shown.

    Raises:
        SettingError: Another family, too few steps, a step to show that there is not, or a layout for a
            model that reads none.
    """
    family = family_of(pipeline)
    drawing = _drawing(family, asked)
    recorder = Recorder(family)
    start = time.perf_counter()
    with recorder.watching():
        image = family.draw(drawing)
    seconds = time.perf_counter() - start
    plain = None
    if drawing.scale > 1:
        unguided = Drawing(drawing.prompt, drawing.seed, drawing.steps, 1.0, drawing.grounding)
        plain = pictures.shown(family.draw(unguided), PICTURE_SIDE)
    encoders = family.encoders(asked.prompt, recorder.reading)
    maps = recorder.attention.mean()
    places = family.places(encoders[0], maps.shape)
    return Walk(
        prompt=asked.prompt,
        model=model,
        family=family.name,
        seed=asked.seed,
        steps=drawing.steps,
        scale=drawing.scale,
        layout=asked.grounding is not None,
        facts=family.facts(),
        encoders=encoders,
        text=_text(recorder, places, encoders[0]),
        noise=_noise(family, recorder),
        trail=_trail(family, recorder.passed, _chosen(asked.show, len(recorder.passed))),
        attention=_attention(recorder, maps, places),
        decoder=tuple(
            Stage(stage.name, stage.layer, stage.shape, stage.seconds, pictures.components(stage.features))
            for stage in recorder.stages
        ),
        decoder_seconds=recorder.decoding,
        seconds=seconds,
        recording=recorder.recording,
        picture=pictures.shown(image, PICTURE_SIDE),
        plain=plain,
    )


def _drawing(family: Family, asked: Asked) -> Drawing:
    steps, scale = family.defaults()
    steps = asked.steps or steps
    if asked.grounding is not None and family.name != "embedded":
        raise SettingError("this model reads no layouts: leave the layout out, or take the embedded model")
    beyond = [number for number in asked.show or () if not 1 <= number <= steps]
    if beyond:
        raise SettingError(f"there is no step {beyond[0]} to show: give numbers from 1 to {steps}")
    return Drawing(
        asked.prompt, asked.seed, steps, scale if asked.scale is None else asked.scale, asked.grounding
    )


def _chosen(show: tuple[int, ...] | None, count: int) -> set[int]:
    if show is not None:
        return set(show)
    parts = min(SHOWN_STEPS, count)
    return {1 + round(part * (count - 1) / max(parts - 1, 1)) for part in range(parts)}


def _noise(family: Family, recorder: Recorder) -> Any:
    scheduler = family.pipeline.scheduler
    noise = recorder.passed[0].before / float(getattr(scheduler, "init_noise_sigma", 1.0))
    return noise_facts(noise, pictures.channels(noise))


def _text(recorder: Recorder, places: TextPlaces, encoder: Encoder) -> TextVectors:
    assert recorder.text is not None, "the denoiser was never called"
    vectors = recorder.text
    read = [token for token in encoder.tokens if token.kind not in ("truncated", "padding")]
    rows = vectors[: max(len(read), 1)]
    means = [vectors[list(found)].mean(0) for _, found in places.words]
    units = F.normalize(torch.stack(means), dim=-1) if means else torch.zeros(0, vectors.shape[1])
    return TextVectors(
        shape=(vectors.shape[0], vectors.shape[1]),
        labels=tuple(token.text for token in read),
        norms=tuple(rows.norm(dim=-1).tolist()[: len(read)]),
        words=tuple(word for word, _ in places.words),
        similarity=tuple(tuple(row) for row in (units @ units.T).clamp(-1, 1).tolist()),
        strip=pictures.strip(rows),
    )


def _attention(recorder: Recorder, maps: Tensor, places: TextPlaces) -> Attention:
    return Attention(
        kind=recorder.family.kind,
        grid=(maps.shape[1], maps.shape[2]),
        layers=recorder.layers,
        maps=recorder.attention.total,
        words=tuple(
            _word_map(word, maps[[places.offset + place for place in found]].sum(0))
            for word, found in places.words
        ),
        others={name: maps[list(found)].sum(0).mean().item() for name, found in places.others.items()},
        deviation=recorder.attention.deviation,
    )


def _word_map(word: str, attention: Tensor) -> WordMap:
    above = attention - attention.min()
    weights = above / above.sum().clamp_min(1e-12)
    rows, columns = attention.shape
    x = ((torch.arange(columns) + 0.5) / columns * weights.sum(0)).sum().item()
    y = ((torch.arange(rows) + 0.5) / rows * weights.sum(1)).sum().item()
    return WordMap(word, attention.mean().item(), attention.max().item(), (x, y), pictures.heat(attention))


def _trail(family: Family, passed: Sequence[Passed], chosen: set[int]) -> tuple[Step, ...]:
    # as the next step is given them: samplers in terms of sigma hold latents many times as wide between steps
    after = [*(step.call.given for step in passed[1:]), passed[-1].after]
    return tuple(
        Step(
            number=number,
            timestep=step.call.timestep,
            signal=step.signal,
            std=left.std(correction=0).item(),
            guidance=None if step.call.empty is None else guidance_effect(step.call.text, step.call.empty),
            seconds=step.call.seconds,
            previews=_previews(family, step, left) if number in chosen else None,
        )
        for number, (step, left) in enumerate(zip(passed, after, strict=True), 1)
    )


def _previews(family: Family, step: Passed, after: Tensor) -> Previews:
    kind = prediction_of(family.pipeline.scheduler)

    def clean(predicted: Tensor) -> Shown:
        return decoded(clean_latent(step.call.given, predicted, step.signal, kind))

    def decoded(latents: Tensor) -> Shown:
        return pictures.shown(pictures.pixels(family.decode(latents)), pictures.PREVIEW)

    guided = step.call.empty is not None
    return Previews(
        latents=pictures.channels(after),
        decoded=decoded(after),
        clean=clean(step.guided),
        clean_text=clean(step.call.text) if guided else None,
        clean_empty=clean(step.call.empty) if step.call.empty is not None else None,
    )
