"""The walk looks on and changes nothing; what it says is what happened."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline, EulerDiscreteScheduler
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.embedded import denoiser as denoiser_module
from tasvir.models.embedded.conditioning import Grounding
from tasvir.models.tiny.families import build
from tasvir.models.walk.record import Shown, Walk
from tasvir.models.walk.recorder import Recorder, wrapped
from tasvir.models.walk.walking import Asked, family_of, walk

PROMPT = "a red car left of a dog"
STEPS = 4
LAYOUT = Grounding(("a red car", "a dog"), ((0.1, 0.4, 0.5, 0.8), (0.6, 0.4, 0.9, 0.8)), "park")


@pytest.fixture(scope="module")
def tiny_xl() -> Any:
    """Two text encoders side by side, and a vector of pooled text and sizes added to the time."""
    return build("sdxl")


@pytest.fixture(scope="module")
def tiny_v3() -> Any:
    """A transformer with joint attention, flow matching, three text encoders."""
    return build("sd3")


@pytest.fixture(params=["tiny_pipeline", "tiny_v1", "tiny_v2", "tiny_xl", "tiny_v3"])
def any_pipeline(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def pixels(picture: Shown) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)


def unwatched(pipeline: Any, scale: float, grounding: Grounding | None = None) -> np.ndarray:
    extra = {"groundings": [grounding]} if grounding else {}
    source = torch.Generator().manual_seed(3)
    image = pipeline(
        PROMPT, num_inference_steps=STEPS, guidance_scale=scale, generator=source, **extra
    ).images[0]
    return np.asarray(image).astype(int)


def test_watching_changes_no_pixel(any_pipeline: Any) -> None:
    seen = walk(any_pipeline, Asked(PROMPT, 3, STEPS, 5.0), "x")
    assert np.abs(pixels(seen.picture) - unwatched(any_pipeline, 5.0)).max() == 0
    assert seen.plain is not None
    assert np.abs(pixels(seen.plain) - unwatched(any_pipeline, 1.0)).max() == 0


def test_layouts_reach_the_embedded_model(tiny_pipeline: Any) -> None:
    seen = walk(tiny_pipeline, Asked(PROMPT, 3, STEPS, 3.0, grounding=LAYOUT), "x")
    assert np.abs(pixels(seen.picture) - unwatched(tiny_pipeline, 3.0, LAYOUT)).max() == 0
    assert seen.layout
    assert seen.attention.others["boxes"] > 0.01


def test_everything_is_put_back(any_pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when drawing breaks half-way."""
    family = family_of(any_pipeline)
    before = _state(any_pipeline, family)
    original = type(any_pipeline.scheduler).step
    calls = iter(range(10))

    def breaks(self: Any, *arguments: Any, **named: Any) -> Any:
        if next(calls) == 2:
            raise RuntimeError("half-way")
        return original(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(type(any_pipeline.scheduler), "step", breaks)
        with pytest.raises(RuntimeError, match="half-way"):
            walk(any_pipeline, Asked(PROMPT, 3, STEPS, 5.0), "x")
    assert _state(any_pipeline, family) == before
    walk(any_pipeline, Asked(PROMPT, 3, STEPS, 5.0), "x")
    assert _state(any_pipeline, family) == before


def _state(pipeline: Any, family: Any) -> list[Any]:
    """Hooks, wrapped methods and attention processors of everything that a walk touches."""
    modules = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    hooks = [
        (
            len(module._forward_hooks),
            len(module._forward_pre_hooks),
            {"forward", "decode"} & vars(module).keys(),
        )
        for part in modules
        for module in part.modules()
    ]
    processors = [id(one) for one in getattr(family.denoiser, "attn_processors", {}).values()]
    methods = ["step" in vars(pipeline.scheduler), "encode_prompts" in vars(pipeline.text_encoder)]
    return [hooks, processors, methods]


def test_wrapping_keeps_what_an_instance_had() -> None:
    class Owner:
        def method(self) -> int:
            return 1

    owner = Owner()
    owner.method = lambda: 2  # type: ignore[method-assign]
    with wrapped(owner, "method", lambda call: call() + 10):
        assert owner.method() == 12
    assert owner.method() == 2


def test_attention_is_shared_out_whole(any_pipeline: Any) -> None:
    """Before averaging every softmax sums to 1, and so do the shares of words and others on the page."""
    seen = walk(any_pipeline, Asked(PROMPT, 3, STEPS, 5.0), "x").attention
    assert seen.deviation < 1e-5
    shares = sum(word.share for word in seen.words) + sum(seen.others.values())
    assert shares == pytest.approx(1, abs=1e-4)
    assert [word.word for word in seen.words] == PROMPT.split()
    assert seen.maps == seen.layers * STEPS
    assert all(word.share <= word.peak <= 1 for word in seen.words)


@pytest.fixture
def cross_softmaxes(tiny_v1: Any) -> Iterator[list[Tensor]]:
    """The softmaxes of an unwatched drawing, through diffusers' own written-out processor."""
    seen: list[Tensor] = []

    class Keeping(AttnProcessor):
        def __call__(
            self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Any = None, **rest: Any
        ) -> Any:
            inner = attn.get_attention_scores

            def keep(*arguments: Any) -> Tensor:
                scores: Tensor = inner(*arguments)
                if encoder_hidden_states is not None:
                    seen.append(scores.chunk(2)[1])  # the empty half comes first
                return scores

            with wrapped(attn, "get_attention_scores", lambda call, *arguments: keep(*arguments)):
                return super().__call__(attn, hidden_states, encoder_hidden_states, **rest)

    before = tiny_v1.unet.attn_processors
    tiny_v1.unet.set_attn_processor(Keeping())
    unwatched(tiny_v1, 5.0)
    tiny_v1.unet.set_attn_processor(before)
    yield seen


def test_word_shares_are_the_layers_own(tiny_v1: Any, cross_softmaxes: list[Tensor]) -> None:
    """Linear interpolation keeps means, so a word's share is the mean over all softmaxes at all grids."""
    seen = walk(tiny_v1, Asked(PROMPT, 3, STEPS, 5.0), "x").attention
    assert len(cross_softmaxes) == seen.maps
    means = torch.stack([softmax.mean((0, 1)) for softmax in cross_softmaxes]).mean(0)
    places, place = [], 1
    for word in PROMPT.split():
        places.append(list(range(place, place + len(word))))  # a letter a token
        place += len(word)
    for word, found in zip(seen.words, places, strict=True):
        assert word.share == pytest.approx(means[found].sum().item(), rel=1e-3)


def test_joint_shares_are_the_blocks_own(tiny_pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    softmaxes: list[Tensor] = []
    original = denoiser_module.attend

    def keep(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        softmaxes.append((q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + mask).softmax(-1)[0])
        return original(q, k, v, mask)

    seen = walk(tiny_pipeline, Asked(PROMPT, 3, STEPS, 3.0, grounding=LAYOUT), "x").attention
    monkeypatch.setattr(denoiser_module, "attend", keep)
    unwatched(tiny_pipeline, 3.0, LAYOUT)
    assert len(softmaxes) == seen.maps
    means = torch.stack([softmax[:, :64].mean((0, 1)) for softmax in softmaxes]).mean(0)
    assert seen.others["patches"] == pytest.approx(means[:64].sum().item(), rel=1e-4)
    assert seen.others["boxes"] == pytest.approx(means[64:67].sum().item(), rel=1e-4)
    for word, expected in zip(seen.words, means[67:].tolist(), strict=True):
        assert word.share == pytest.approx(expected, rel=1e-4)


def test_shared_shares_are_the_transformers_own(tiny_v3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the softmax of what diffusers' processor hands to torch's attention."""
    softmaxes: list[Tensor] = []
    original = torch.nn.functional.scaled_dot_product_attention

    def keep(query: Tensor, key: Tensor, value: Tensor, **rest: Any) -> Tensor:
        if key.shape[2] == 16 + 77 + 256:
            softmaxes.append((query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)[1, :, :16])
        return original(query, key, value, **rest)

    seen = walk(tiny_v3, Asked(PROMPT, 3, STEPS, 5.0), "x").attention
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", keep)
    unwatched(tiny_v3, 5.0)
    assert len(softmaxes) == seen.maps
    means = torch.stack([softmax.mean((0, 1)) for softmax in softmaxes]).mean(0)
    assert seen.others["patches"] == pytest.approx(means[:16].sum().item(), rel=1e-4)
    assert seen.others["t5"] == pytest.approx(means[16 + 77 :].sum().item(), rel=1e-4)
    assert seen.words[0].share == pytest.approx(means[16 + 1].item(), rel=1e-4)  # "a", after the mark


def test_last_foreseen_picture_is_nearly_the_picture(any_pipeline: Any) -> None:
    seen = walk(any_pipeline, Asked(PROMPT, 3, STEPS, 2.0), "x")
    last = seen.trail[-1].previews
    assert last is not None
    drawn = Image.open(io.BytesIO(seen.picture.png)).convert("RGB")
    small = np.asarray(drawn.resize((last.clean.width, last.clean.height), Image.Resampling.LANCZOS)).astype(
        int
    )
    assert np.abs(pixels(last.decoded) - small).max() <= 1  # the last latent decoded is the picture itself
    assert np.abs(pixels(last.clean) - small).mean() < 3


def test_foreseen_pictures_lie_on_a_line(tiny_v1: Any) -> None:
    """Guided = empty + scale * (text - empty) holds for the clean latents too, since x0 is linear."""
    recorder = Recorder(family_of(tiny_v1))
    with recorder.watching():
        unwatched(tiny_v1, 5.0)
    for step in recorder.passed:
        assert step.call.empty is not None
        line = step.call.empty + 5.0 * (step.call.text - step.call.empty)
        torch.testing.assert_close(step.guided, line, rtol=1e-4, atol=1e-4)


def test_latents_are_shown_as_the_denoiser_sees_them(tiny_v1: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Euler's sampler holds latents as clean + sigma x noise, with sigma from about 15 down to 0."""
    euler = EulerDiscreteScheduler.from_config(tiny_v1.scheduler.config)
    monkeypatch.setattr(tiny_v1, "scheduler", euler)
    seen = walk(tiny_v1, Asked("a cat", 3, 20), "x")
    assert 0.5 < seen.trail[0].std < 2 < 10 < float(euler.init_noise_sigma)
    assert seen.trail[-1].previews is not None
    assert seen.trail[-1].previews.decoded.png == seen.picture.png


def test_noise_is_the_seeds(tiny_v1: Any, tiny_v2: Any) -> None:
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))[0]
    digest = hashlib.sha256(noise.numpy().tobytes()).hexdigest()
    for pipeline in (tiny_v1, tiny_v2):
        assert walk(pipeline, Asked(PROMPT, 3, STEPS), "x").noise.digest == digest
    assert walk(tiny_v1, Asked(PROMPT, 4, STEPS), "x").noise.digest != digest


def test_without_guidance(any_pipeline: Any) -> None:
    seen = walk(any_pipeline, Asked(PROMPT, 3, STEPS, 1.0), "x")
    assert seen.plain is None
    assert all(step.guidance is None for step in seen.trail)
    assert [step.previews.clean_text for step in seen.trail if step.previews] == [None] * STEPS
    assert sum(word.share for word in seen.attention.words) > 0


def test_parts_are_what_the_model_is(tiny_v1: Any, tiny_v2: Any, tiny_xl: Any) -> None:
    first, second, third = (walk(each, Asked(PROMPT, 3, STEPS), "x") for each in (tiny_v1, tiny_v2, tiny_xl))
    assert [encoder.width for encoder in first.encoders + second.encoders] == [32, 48]
    assert [encoder.vocabulary for encoder in first.encoders + second.encoders] == [514, 516]
    assert (first.text.shape, second.text.shape, third.text.shape) == ((77, 32), (77, 48), (77, 64))
    assert (first.facts["prediction"], second.facts["prediction"]) == ("epsilon", "v_prediction")
    assert [encoder.model for encoder in third.encoders] == ["CLIPTextModel", "CLIPTextModelWithProjection"]
    assert first.noise.shape == (4, 8, 8)
    assert first.decoder[0].shape == (16, 8, 8)
    assert first.decoder[-1].shape == (3, 64, 64)
    assert all(encoder.seconds > 0 for encoder in third.encoders)


def test_times_are_parts_of_the_whole(any_pipeline: Any) -> None:
    seen = walk(any_pipeline, Asked(PROMPT, 3, STEPS), "x")
    parts_of_it = sum(step.seconds for step in seen.trail) + seen.decoder_seconds + seen.recording
    parts_of_it += sum(encoder.seconds for encoder in seen.encoders)
    assert 0 < parts_of_it <= seen.seconds
    assert sum(stage.seconds for stage in seen.decoder) <= seen.decoder_seconds


@pytest.mark.parametrize(("show", "shown"), [((2,), [2]), ((1, 4), [1, 4]), (None, [1, 2, 3, 4])])
def test_chosen_steps_are_shown(tiny_v1: Any, show: tuple[int, ...] | None, shown: list[int]) -> None:
    trail = walk(tiny_v1, Asked(PROMPT, 3, STEPS, show=show), "x").trail
    assert [step.number for step in trail if step.previews] == shown
    assert len(trail) == STEPS


def test_prompts_that_are_hard_to_read(tiny_v1: Any, tiny_pipeline: Any) -> None:
    """Longer than the limit, and without a single word."""
    long = walk(tiny_v1, Asked("car " * 60, 3, 2), "x")
    assert sum(token.kind == "truncated" for token in long.encoders[0].tokens) == 180 - 75
    assert len(long.attention.words) == 25
    wordless = walk(tiny_pipeline, Asked("!?", 3, 2), "x")
    assert wordless.attention.words == ()
    assert wordless.text.labels == ()


def test_what_cannot_be_done_is_said(tiny_v1: Any) -> None:
    with pytest.raises(SettingError, match="no step 9 to show: give numbers from 1 to 4"):
        walk(tiny_v1, Asked(PROMPT, 3, STEPS, show=(1, 9)), "x")
    with pytest.raises(SettingError, match="reads no layouts"):
        walk(tiny_v1, Asked(PROMPT, 3, STEPS, grounding=LAYOUT), "x")
    with pytest.raises(SettingError, match="DDPMPipeline cannot be walked through"):
        walk(DDPMPipeline(tiny_v1.unet, tiny_v1.scheduler), Asked(PROMPT), "x")


def test_numbers_go_through_json(tiny_v1: Any) -> None:
    seen: Walk = walk(tiny_v1, Asked(PROMPT, 3, STEPS), "x")
    told = seen.to_dict()
    assert told["noise"]["digest"] == seen.noise.digest
    assert told["trail"][0]["guidance"]["angle"] == seen.trail[0].guidance.angle  # type: ignore[union-attr]
    assert told["picture"] == {"width": 64, "height": 64}


@pytest.mark.weights
def test_picture_is_the_embedded_generators() -> None:
    from tasvir.generate.base import DrawSettings
    from tasvir.generate.generators.embedded import EmbeddedGenerator
    from tasvir.records import Prompt

    generator = EmbeddedGenerator(device="cpu")
    drawn = generator.draw([Prompt(PROMPT)], [None], [3], DrawSettings(size=(128, 128)))[0]
    seen = walk(generator.pipeline, Asked(PROMPT, 3), "embedded")
    assert np.abs(pixels(seen.picture) - pixels(Shown(drawn.png, 128, 128))).max() == 0
