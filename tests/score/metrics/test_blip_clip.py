"""blip-clip: the captioner's words against the prompt, by hand on the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasvir.errors import SettingError
from tasvir.models.image_text.clip import open_clip
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, SuitePrompt
from tasvir.score.metrics.blip_clip import BlipClipMetric

Saved = Callable[[str], Path]
CPU = LoadSettings(device="cpu")
PROMPTS = [SuitePrompt("", "a red ball left of a dog"), SuitePrompt("", "two cats")]


def made(saved: Saved, **options: str) -> BlipClipMetric:
    return BlipClipMetric(f"{saved('captioner')}+{saved('clip')}", CPU, **options)


def test_the_value_is_the_cosine_of_caption_and_prompt(saved: Saved, noisy: Callable[..., Picture]) -> None:
    metric = made(saved)
    scores = metric.measure(PROMPTS * 2, [noisy(1), noisy(2), noisy(2), noisy(1)])
    clip = open_clip(str(saved("clip")), CPU)
    for score, prompt in zip(scores, PROMPTS * 2, strict=True):
        a, b = clip.embed_texts([score.details["caption"]])[0], clip.embed_texts([prompt.text])[0]
        assert score.value == pytest.approx(float(a @ b), abs=1e-6)
    assert scores[0].details == scores[3].details
    assert scores[0].details["caption"] in scores[0].reason
    assert {"captioner", "encoder"} <= set(metric.recipe)


def test_templates_average_the_prompt_alone(
    saved: Saved, noisy: Callable[..., Picture], tmp_path: Path
) -> None:
    file = tmp_path / "templates.txt"
    file.write_text("a drawing of {}\n\nhere is {}, large\n", "utf-8")
    metric = made(saved, templates=str(file))
    score = metric.measure(PROMPTS[:1], [noisy(1)])[0]
    clip = open_clip(str(saved("clip")), CPU)
    text = PROMPTS[0].text
    mean = clip.embed_texts([f"a drawing of {text}", f"here is {text}, large"]).mean(0)
    caption = clip.embed_texts([score.details["caption"]])[0]
    assert score.value == pytest.approx(float(caption @ (mean / np.linalg.norm(mean))), abs=1e-6)
    assert metric.recipe["templates"][0] == 2
    assert metric.recipe["templates"] != made(saved).recipe["templates"]


def test_two_models_are_named_and_templates_have_a_place(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"CAPTIONER\+ENCODER"):
        BlipClipMetric("Salesforce/blip-image-captioning-base")
    with pytest.raises(SettingError, match="names 1"):
        BlipClipMetric("a+")
    file = tmp_path / "templates.txt"
    file.write_text("a drawing\n", "utf-8")
    with pytest.raises(SettingError, match="'a drawing' has no"):
        made(saved, templates=str(file))
    with pytest.raises(SettingError, match="cannot be read"):
        made(saved, templates=str(tmp_path / "none.txt"))
