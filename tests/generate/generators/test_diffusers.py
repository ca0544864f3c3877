"""Text-to-image through diffusers: the same pixels as diffusers itself, batches, options, refusals."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray
from sampler_names import SAMPLERS
from torch import Tensor

from tasvir import registry
from tasvir.errors import HubError, SettingError
from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.diffusers import DiffusersGenerator
from tasvir.models.hub.drawing import BLOCKED, to_image
from tasvir.models.hub.moved import old_names
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.models.tiny.unet_families import stable_diffusion_with_safety_checker
from tasvir.records import Layout, Picture, Prompt

Tiny = Callable[[str], Path]
HERE = LoadSettings(device="cpu")
SAME_IN_ANY_BATCH = 2
"""Levels of 255: sums of 1 and of n rows are rounded in another order, which moves a pixel over an edge."""
FAMILIES = {
    "sd": {}, "sd2": {}, "sdxl": {}, "sd3": {}, "flux": {}, "flux-schnell": {}, "flux2-klein": {},
    "pixart-sigma": {"use_resolution_binning": False}, "sana": {"use_resolution_binning": False},
    "unclip": {}, "kandinsky22": {},
}  # fmt: skip
"""Family -> what plain diffusers must be told for drawing the size that was asked for."""
TEXTS = ("a red dog", "a blue car left of a ball", "two birds over a long house")
STEPS = 2


def made(folder: Path, **options: Any) -> DiffusersGenerator:
    return DiffusersGenerator(str(folder), HERE, **options)


def draw(
    generator: DiffusersGenerator, texts: tuple[str, ...] = TEXTS[:1], first_seed: int = 7, **settings: Any
) -> list[Picture]:
    seeds = range(first_seed, first_seed + len(texts))
    asked = DrawSettings(**{"size": generator.native_size, "steps": STEPS, **settings})
    return generator.draw([Prompt(text) for text in texts], [None] * len(texts), list(seeds), asked)


def pixels(picture: Picture) -> NDArray[np.int64]:
    return np.asarray(to_image(picture)).astype(np.int64)


def apart(one: Picture, other: Picture) -> int:
    return int(np.abs(pixels(one) - pixels(other)).max())


def plain(folder: Path, text: str, seed: int, **arguments: Any) -> NDArray[np.int64]:
    """What diffusers draws by itself, opened and called as its documentation says."""
    with quiet(), old_names(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers warns of itself
        pipeline = DiffusionPipeline.from_pretrained(str(folder))
        image = pipeline(prompt=text, generator=torch.Generator().manual_seed(seed), **arguments).images[0]
    return np.asarray(image).astype(np.int64)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_draws_what_diffusers_draws_to_the_pixel_and_the_same_in_any_batch(
    tiny: Tiny, family: str
) -> None:
    generator = made(tiny(family))
    steps = "decoder_num_inference_steps" if family == "unclip" else "num_inference_steps"
    size = {} if family == "unclip" else dict(zip(("width", "height"), generator.native_size, strict=True))
    expected = plain(tiny(family), TEXTS[1], 8, **{steps: STEPS}, **size, **FAMILIES[family])
    alone = draw(generator, TEXTS[1:2], 8)[0]
    assert expected.std() > 5, "a plain picture would prove nothing"
    assert np.abs(pixels(alone) - expected).max() == 0
    batch = draw(generator, TEXTS)
    assert apart(batch[1], alone) <= SAME_IN_ANY_BATCH
    assert apart(batch[1], batch[0]) > SAME_IN_ANY_BATCH
    assert apart(draw(generator, TEXTS[1:2], 8)[0], alone) == 0


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_options_reach_diffusers_as_they_are(tiny: Tiny, family: str) -> None:
    generator = made(tiny(family), negative="blurred")
    ours = draw(generator, size=(96, 64), scale=3.0, steps=3)[0]
    assert (ours.width, ours.height) == (96, 64)
    arguments: dict[str, Any] = {"width": 96, "height": 64, "guidance_scale": 3.0, "num_inference_steps": 3}
    theirs = plain(tiny(family), TEXTS[0], 7, negative_prompt="blurred", **arguments)
    assert np.abs(pixels(ours) - theirs).max() == 0
    without = plain(tiny(family), TEXTS[0], 7, **arguments)
    assert np.abs(pixels(ours) - without).max() > SAME_IN_ANY_BATCH


def test_the_negative_prompt_of_a_distilled_model_needs_a_true_scale(tiny: Tiny) -> None:
    ours = draw(made(tiny("flux"), negative="blurred", true_scale=2.0))[0]
    arguments: dict[str, Any] = {"width": 64, "height": 64, "num_inference_steps": STEPS}
    theirs = plain(tiny("flux"), TEXTS[0], 7, negative_prompt="blurred", true_cfg_scale=2.0, **arguments)
    assert np.abs(pixels(ours) - theirs).max() == 0
    assert (ours.provenance["negative"], ours.provenance["true_scale"]) == ("blurred", 2.0)
    with pytest.raises(SettingError, match="only with --set true_scale=N"):
        draw(made(tiny("flux"), negative="blurred"))
    with pytest.raises(SettingError, match="does nothing without a negative prompt"):
        draw(made(tiny("flux"), true_scale=2.0))
    with pytest.raises(SettingError, match="true_scale is for models that were distilled"):
        draw(made(tiny("sd"), negative="blurred", true_scale=2.0))
    for family in ("unclip", "flux2-klein"):
        with pytest.raises(SettingError, match="reads no negative prompt"):
            draw(made(tiny(family), negative="blurred"))


@pytest.mark.parametrize("family", ["flux-schnell", "flux2-klein"])
def test_a_scale_for_a_model_that_takes_none_is_refused(tiny: Tiny, family: str) -> None:
    with pytest.raises(SettingError, match="distilled to do without guidance"):
        draw(made(tiny(family)), scale=3.0)


@pytest.mark.parametrize(
    ("family", "size", "message"),
    [
        ("sd", (70, 64), "multiples of 8 pixels; take 64x64 or 72x64"),
        ("flux", (72, 64), "multiples of 16 pixels; take 64x64 or 80x64"),
        ("sd3", (64, 72), "multiples of 16 pixels"),
        ("sana", (80, 64), "multiples of 32 pixels"),
        ("kandinsky22", (96, 64), "multiples of 64 pixels; take 64x64 or 128x64"),
        ("unclip", (64, 64), "this model draws 32x32 and no other size"),
    ],
)
def test_sizes_that_cannot_be_drawn_are_refused_with_near_ones(
    tiny: Tiny, family: str, size: tuple[int, int], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        draw(made(tiny(family)), size=size)


@pytest.mark.parametrize("family", ["sd", "flux", "sana", "pixart-sigma", "kandinsky22"])
def test_sizes_other_than_square_are_drawn_as_asked(tiny: Tiny, family: str) -> None:
    picture = draw(made(tiny(family)), size=(128, 64))[0]
    assert pixels(picture).shape == (64, 128, 3)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_and_says_so_where_it_needs_more_steps(tiny: Tiny, sampler: str) -> None:
    generator = made(tiny("sd"))
    try:
        draw(generator, sampler=sampler, steps=1)
    except SettingError as problem:
        assert "cannot do 1 step" in str(problem) and sampler == "pndm"
    picture = draw(generator, sampler=sampler, steps=4)[0]
    assert pixels(picture).std() > 5
    made_by = sampler if ":" in sampler else registry.load("samplers", sampler).__name__
    assert picture.provenance["sampler"] == made_by
    again = draw(generator, TEXTS, sampler=sampler, steps=4)[0]
    assert apart(again, picture) <= SAME_IN_ANY_BATCH


def test_texts_are_encoded_once_and_to_the_same_pixels_as_without_memory(tiny: Tiny) -> None:
    generator = made(tiny("sdxl"), negative="blurred")
    first, again = draw(generator)[0], draw(generator)[0]
    memory = generator.model.memory
    assert memory is not None and (memory.misses, memory.hits) == (4, 4)  # two texts, two encoders
    without = draw(made(tiny("sdxl"), negative="blurred", text_cache=False))[0]
    assert apart(first, again) == 0 and apart(first, without) == 0


def test_at_most_so_many_are_drawn_at_once(tiny: Tiny) -> None:
    for batch, expected in ((2, [2, 1]), (1, [1, 1, 1]), (8, [3])):
        generator = made(tiny("sd"), batch=batch)
        seen: list[int] = []
        generator.on_step = lambda step, _, latents, seen=seen: (
            seen.append(len(latents)) if step == 1 else None
        )
        draw(generator, TEXTS)
        assert seen == expected
    with pytest.raises(SettingError, match="batch is 0"):
        made(tiny("sd"), batch=0)


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux", "sana", "pixart-sigma", "kandinsky22"])
def test_each_step_is_told_and_telling_changes_no_pixel(tiny: Tiny, family: str) -> None:
    generator = made(tiny(family))
    silent = draw(generator, steps=3)[0]
    told: list[tuple[int, int]] = []

    def on_step(step: int, total: int, latents: Tensor) -> None:
        assert latents.shape[0] == 1 and bool(torch.isfinite(latents).all())
        told.append((step, total))

    generator.on_step = on_step
    assert apart(draw(generator, steps=3)[0], silent) == 0
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux", "sana", "kandinsky22"])
def test_a_generator_that_was_interrupted_draws_as_before(tiny: Tiny, family: str) -> None:
    generator = made(tiny(family))
    before = draw(generator, steps=3)[0]

    def stop(step: int, *_: Any) -> None:
        if step == 2:
            raise KeyboardInterrupt

    generator.on_step = stop
    with pytest.raises(KeyboardInterrupt):
        draw(generator, TEXTS, steps=3, sampler="dpmpp-2m" if family in ("sd", "sdxl") else None)
    generator.on_step = None
    assert apart(draw(generator, steps=3)[0], before) == 0


def test_blocked_pictures_are_marked_and_the_checker_can_be_left_out(tiny: Tiny, tmp_path: Path) -> None:
    passed = draw(made(tiny("sd-safety")))[0]
    assert "blocked" not in passed.provenance and pixels(passed).std() > 5
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        pipeline = stable_diffusion_with_safety_checker(blocks=True)
    with quiet():
        pipeline.save_pretrained(str(tmp_path))
    blocked = draw(made(tmp_path), TEXTS)
    assert [picture.provenance["blocked"] for picture in blocked] == [BLOCKED] * 3
    assert all(pixels(picture).max() == 0 for picture in blocked)
    unchecked = DiffusersGenerator(str(tmp_path), LoadSettings(device="cpu", safety=False))
    assert "blocked" not in draw(unchecked)[0].provenance and pixels(draw(unchecked)[0]).std() > 5


def test_provenance_tells_what_is_needed_to_draw_it_again(tiny: Tiny) -> None:
    picture = draw(made(tiny("sd"), negative="blurred"), scale=4.0, sampler="euler")[0]
    facts = json.loads(json.dumps(picture.provenance))
    assert facts.pop("diffusers").startswith("0.")
    folder = str(tiny("sd"))
    assert facts == {
        "generator": "diffusers", "model": folder, "source": folder, "commit": None, "seed": 7,
        "pipeline": "StableDiffusionPipeline", "sampler": "EulerDiscreteScheduler", "steps": 2,
        "scale": 4.0, "negative": "blurred", "dtype": "float32", "device": "cpu",
    }  # fmt: skip


def test_what_nobody_asked_for_is_in_the_provenance_too(tiny: Tiny) -> None:
    """Without a card it is the pipeline's own choice: a signature's default."""
    generator = made(tiny("sd3"))
    picture = generator.draw([Prompt("a dog")], [None], [0], DrawSettings(generator.native_size))[0]
    assert (picture.provenance["steps"], picture.provenance["scale"]) == (28, 7.0)


def test_what_no_text_encoder_reads_is_told(tiny: Tiny) -> None:
    text = " ".join(["dog"] * 30)  # a token a letter here, and the encoder reads 75
    assert draw(made(tiny("sd")), (text,))[0].provenance["unread"] == [" ".join(["dog"] * 5)]
    assert "unread" not in draw(made(tiny("sd3")), (text,))[0].provenance  # T5 reads on


def test_layouts_and_models_that_need_a_picture_are_refused(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = made(tiny("sd"))
    with pytest.raises(SettingError, match="reads no layouts"):
        generator.draw([Prompt("a dog")], [Layout()], [0], DrawSettings(generator.native_size))
    index = json.loads((tiny("sd") / "model_index.json").read_text())
    for part in tiny("sd").iterdir():
        (tmp_path / part.name).symlink_to(part)
    (tmp_path / "model_index.json").unlink()
    index["_class_name"] = "StableDiffusionImg2ImgPipeline"
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(
        HubError, match="StableDiffusionImg2ImgPipeline, which does not draw from a text alone"
    ):
        made(tmp_path)


def test_too_little_memory_says_what_to_leave_out(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = made(tiny("sd"))

    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(generator.model.pipeline.unet, "forward", full)
    with pytest.raises(SettingError, match=r"too small for 3 such pictures at once.*--set batch=1"):
        draw(generator, TEXTS)


def test_half_precision_draws_without_a_word_and_where_it_cannot_be_says_so(tiny: Tiny) -> None:
    half = LoadSettings(device="cpu", dtype="float16")
    picture = draw(DiffusersGenerator(str(tiny("sdxl")), half))[0]
    assert picture.provenance["dtype"] == "float16" and pixels(picture).std() > 5
    with pytest.raises(SettingError, match=r"in that precision.*--dtype float32"):
        draw(DiffusersGenerator(str(tiny("unclip")), half))


def test_a_network_for_inpainting_is_refused(tiny: Tiny) -> None:
    with pytest.raises(HubError, match=r"9 channels for latents of 4.*does not draw from a text alone"):
        made(tiny("gligen-inpainting"))


def test_too_few_steps_for_a_schedule(tiny: Tiny) -> None:
    with pytest.raises(SettingError, match="needs at least 2"):
        draw(made(tiny("unclip")), steps=1)


def test_native_sizes_come_from_the_models_own_files(tiny: Tiny) -> None:
    sizes = {family: made(tiny(family)).native_size for family in ("sd", "sd3", "flux", "sana", "unclip")}
    assert sizes == {"sd": (64, 64), "sd3": (64, 64), "flux": (64, 64), "sana": (64, 64), "unclip": (32, 32)}


def test_the_label_names_the_model(tiny: Tiny) -> None:
    generator = made(tiny("sd"))
    assert generator.label == f"diffusers:{tiny('sd')}" and generator.reads_layouts is False
