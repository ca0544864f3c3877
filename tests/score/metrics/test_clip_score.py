"""clip-score against transformers by hand, with shipped weights too, and what it says of long texts."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tasvir.errors import NotShippedError
from tasvir.models.embedded import weights
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, SuitePrompt
from tasvir.score.metrics.clip_score import ClipScoreMetric

Saved = Callable[[str], Path]
CPU = LoadSettings(device="cpu")
TEXTS = ("a red ball left of a dog", "two dogs", "a park")


def by_hand(folder: Path, texts: list[str], pictures: list[Picture]) -> list[float]:
    """Cosines by transformers alone, pair by pair."""
    from transformers import AutoModel, AutoProcessor

    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    found = []
    for text, picture in zip(texts, pictures, strict=True):
        image = Image.open(io.BytesIO(picture.png)).convert("RGB")
        inputs = processor(text=[text], images=[image], return_tensors="pt", padding=True)
        with torch.no_grad():
            out = model(**inputs)
        a, b = out.text_embeds[0].double(), out.image_embeds[0].double()
        found.append(float(a @ b / (a.norm() * b.norm())))
    return found


def test_equal_to_transformers_by_hand(saved: Saved, noisy: Callable[..., Picture]) -> None:
    folder = saved("clip")
    texts = [*TEXTS, TEXTS[0]]
    pictures = [noisy(1), noisy(2, (64, 40)), noisy(1), noisy(2, (64, 40))]
    scores = ClipScoreMetric(str(folder), CPU).measure([SuitePrompt("", t) for t in texts], pictures)
    values = [score.value for score in scores]
    assert values == pytest.approx(by_hand(folder, texts, pictures), abs=1e-5)
    assert len(set(values)) == 4
    assert [score.details["aspect"] for score in scores] == [1.0, 1.6, 1.0, 1.6]


def test_equal_to_transformers_by_hand_with_the_shipped_weights(noisy: Callable[..., Picture]) -> None:
    try:
        folder = weights.folder("encoder")
    except NotShippedError:
        pytest.skip("no encoder is shipped in this checkout yet")
    pictures = [noisy(1, (128, 128)), noisy(2, (128, 128)), noisy(3, (96, 128))]
    scores = ClipScoreMetric("embedded", CPU).measure([SuitePrompt("", t) for t in TEXTS], pictures)
    assert [score.value for score in scores] == pytest.approx(
        by_hand(folder, list(TEXTS), pictures), abs=1e-5
    )


def test_a_broken_picture_is_missing_and_shifts_nothing(saved: Saved, noisy: Callable[..., Picture]) -> None:
    metric = ClipScoreMetric(str(saved("clip")), CPU)
    prompts = [SuitePrompt("", text) for text in TEXTS]
    whole = metric.measure([prompts[0], prompts[2]], [noisy(1), noisy(2)])
    cut = Picture(noisy(1).png[:200], 40, 40)
    scores = metric.measure(prompts, [noisy(1), cut, noisy(2)])
    assert scores[1].value is None and "cannot be opened" not in scores[0].reason and scores[1].reason
    assert [scores[0].value, scores[2].value] == pytest.approx([s.value for s in whole], abs=1e-6)


def test_a_text_that_is_too_long_is_told_and_still_ends_with_its_end(
    saved: Saved, noisy: Callable[..., Picture]
) -> None:
    """The tiny model's tokens are bytes, 77 at most with begin and end."""
    metric = ClipScoreMetric(str(saved("clip")), CPU)
    texts = ["dog " * 40, "dog " * 60, "dog"]
    scores = metric.measure([SuitePrompt("", text) for text in texts], [noisy(1)] * 3)
    assert [score.details["truncated"] for score in scores] == [True, True, False]
    assert "too long" in scores[0].reason and not scores[2].reason
    assert scores[0].value == pytest.approx(scores[1].value, abs=1e-6)


def test_the_prefix_is_read_and_part_of_the_recipe(saved: Saved, noisy: Callable[..., Picture]) -> None:
    folder = str(saved("clip"))
    plain, prefixed = ClipScoreMetric(folder, CPU), ClipScoreMetric(folder, CPU, prefix="A photo depicts ")
    one = plain.measure([SuitePrompt("", "A photo depicts a dog")], [noisy(1)])[0]
    other = prefixed.measure([SuitePrompt("", "a dog")], [noisy(1)])[0]
    assert one.value == pytest.approx(other.value, abs=1e-6)
    assert plain.measure([SuitePrompt("", "a dog")], [noisy(1)])[0].value != pytest.approx(
        other.value, abs=1e-4
    )
    assert plain.recipe["prefix"] != prefixed.recipe["prefix"]
    assert plain.recipe["encoder"]["weights"]
