"""Noise, samplers, pictures in and out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from PIL import Image

from tasvir import registry
from tasvir.errors import PluginError, SettingError
from tasvir.models.hub import drawing
from tasvir.models.hub.loading import open_pipeline
from tasvir.models.load import LoadSettings


def opened(folder: Path) -> Any:
    return open_pipeline(str(folder), LoadSettings(device="cpu"))


def test_a_seed_is_a_source_of_its_own() -> None:
    first, second = drawing.generators([5, 6])
    assert torch.equal(torch.randn(3, generator=first), torch.randn(3, generator=drawing.generators([5])[0]))
    assert not torch.equal(torch.randn(3, generator=first), torch.randn(3, generator=second))


def test_a_sampler_keeps_the_models_schedule_and_goes_again(tiny: Callable[[str], Path]) -> None:
    pipeline = opened(tiny("sd2"))
    own = pipeline.scheduler
    assert drawing.use_sampler(pipeline, "euler") == "EulerDiscreteScheduler"
    assert isinstance(pipeline.scheduler, EulerDiscreteScheduler)
    kept = ("beta_start", "beta_end", "beta_schedule", "prediction_type", "num_train_timesteps")
    assert all(pipeline.scheduler.config[name] == own.config[name] for name in kept)
    drawing.use_sampler(pipeline, "ddim")
    assert pipeline.scheduler.config["clip_sample"] is False
    assert drawing.use_sampler(pipeline, None) == type(own).__name__ and pipeline.scheduler is own


def test_a_sampler_for_another_process_is_refused(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match=r"'ddim' cannot be used with FluxPipeline.*flow matching"):
        drawing.use_sampler(opened(tiny("flux")), "ddim")
    with pytest.raises(SettingError, match="'euler' cannot be used with SanaPipeline"):
        drawing.use_sampler(opened(tiny("sana")), "euler")
    assert drawing.use_sampler(opened(tiny("sana")), "unipc") == "UniPCMultistepScheduler"
    for family in ("unclip", "kandinsky22"):
        with pytest.raises(SettingError, match="no exchangeable sampler"):
            drawing.use_sampler(opened(tiny(family)), "ddim")
    assert drawing.use_sampler(opened(tiny("kandinsky22")), None) == "DDPMScheduler"
    monkeypatch.setattr(registry, "load", lambda *_: FlowMatchEulerDiscreteScheduler)
    with pytest.raises(SettingError, match="noise prediction"):
        drawing.use_sampler(opened(tiny("sd")), "flow")
    assert drawing.use_sampler(opened(tiny("flux")), "flow") == "FlowMatchEulerDiscreteScheduler"
    monkeypatch.setattr(registry, "load", lambda *_: print)
    with pytest.raises(PluginError, match="has no from_config"):
        drawing.use_sampler(opened(tiny("sd")), "print")


def test_pictures_and_images_turn_into_each_other() -> None:
    image = Image.effect_noise((20, 10), 60).convert("RGBA")
    picture = drawing.to_picture(image, {"seed": 3})
    assert (picture.width, picture.height, picture.provenance) == (20, 10, {"seed": 3})
    back = drawing.to_image(picture)
    assert back.mode == "RGB" and back.tobytes() == image.convert("RGB").tobytes()


def test_a_blocked_picture_says_so() -> None:
    output = SimpleNamespace(images=["a", "b"], nsfw_content_detected=[False, True])
    assert drawing.blocked_reasons(output) == [{}, {"blocked": drawing.BLOCKED}]
    assert drawing.blocked_reasons(SimpleNamespace(images=["a"], nsfw_content_detected=None)) == [{}]
    assert drawing.blocked_reasons(SimpleNamespace(images=["a", "b"])) == [{}, {}]
