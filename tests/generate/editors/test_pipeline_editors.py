"""Every editor, on random weights, against the diffusers pipeline that it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from tests.generate.editors.conftest import half, picture

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings
from tasvir.generate.editors.depth import DepthEditor
from tasvir.generate.editors.image_to_image import ImageToImageEditor
from tasvir.generate.editors.inpaint import InpaintEditor
from tasvir.generate.editors.upscale_latent import UpscaleLatentEditor
from tasvir.generate.editors.upscale_x4 import UpscaleX4Editor
from tasvir.generate.editors.variations import VariationsEditor
from tasvir.generate.pipeline_editing import PipelineEditor
from tasvir.models.hub.drawing import generators, to_image
from tasvir.models.hub.loading import open_pipeline
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Prompt

CPU = LoadSettings(device="cpu")
CAT = Prompt("a cat")
QUICK = EditSettings(steps=3)

FAMILIES: dict[str, tuple[type[PipelineEditor], str]] = {
    "depth": (DepthEditor, "depth"),
    "image-to-image": (ImageToImageEditor, "sd"),
    "inpaint": (InpaintEditor, "inpaint"),
    "upscale-x4": (UpscaleX4Editor, "upscale-x4"),
    "upscale-latent": (UpscaleLatentEditor, "upscale-latent"),
    "stable-unclip": (VariationsEditor, "stable-unclip"),
    "karlo": (VariationsEditor, "unclip-variation"),
}
each = pytest.mark.parametrize("which", FAMILIES)


@pytest.fixture(scope="module")
def made(folder: Callable[[str], str]) -> Callable[..., PipelineEditor]:
    known: dict[str, PipelineEditor] = {}

    def make(which: str) -> PipelineEditor:
        if which not in known:
            kind, family = FAMILIES[which]
            known[which] = kind(folder(family), CPU)
        return known[which]

    return make


def asked(editor: PipelineEditor, given: Picture, seed: int) -> Edit:
    """An edit with all that the editor must have."""
    prompt = CAT if editor.takes_prompt == "must" else None
    guide = half(given.width, given.height) if editor.takes_guide == "must" else None
    return Edit(given, seed, prompt, guide)


def pixels(made: Picture) -> np.ndarray:
    return np.asarray(to_image(made)).astype(int)


def plain_call(which: str, given: Picture, seed: int) -> dict[str, Any]:
    """What a user of diffusers alone would write, with the same numbers."""
    image, steps = to_image(given), {"num_inference_steps": 3}
    random = {"generator": torch.Generator().manual_seed(seed)}
    return {
        "depth": {"prompt": "a cat", "image": image, "strength": 0.8, **steps, **random},
        "image-to-image": {"prompt": "a cat", "image": image, "strength": 0.8, **steps, **random},
        "inpaint": {
            "prompt": "", "image": image, "mask_image": to_image(half(image.width, image.height)),
            "width": image.width, "height": image.height, **steps, **random,
        },
        "upscale-x4": {"prompt": "", "image": image, **steps, **random},
        "upscale-latent": {"prompt": "", "image": image, "guidance_scale": 0.0, **steps, **random},
        "stable-unclip": {"image": image, "guidance_scale": 8.0, **steps, **random},
        "karlo": {"image": image, "decoder_num_inference_steps": 3, **random},
    }[which]  # fmt: skip


@each
@pytest.mark.filterwarnings("ignore:In CPU autocast")
def test_the_pixels_are_those_of_plain_diffusers(
    which: str, made: Callable[[str], PipelineEditor], folder: Callable[[str], str]
) -> None:
    editor, given = made(which), picture(16, 24)
    if isinstance(editor, InpaintEditor):
        editor = InpaintEditor(editor.model, CPU, keep=False)
    kind = {"image-to-image": diffusers.StableDiffusionImg2ImgPipeline}.get(which)
    plain = open_pipeline(folder(FAMILIES[which][1]), CPU, kind)
    expected = np.asarray(plain(**plain_call(which, given, 5)).images[0]).astype(int)
    ours = editor.edit([asked(editor, given, 5)], QUICK)[0]
    assert np.abs(pixels(ours) - expected).max() == 0
    assert expected.std() > 5, "a picture that tells something"


@each
def test_alone_or_among_others_of_any_size_a_picture_is_exactly_the_same(
    which: str, made: Callable[[str], PipelineEditor]
) -> None:
    editor = made(which)
    pictures = [picture(16, 16, 1), picture(24, 8, 2), picture(16, 16, 3)]
    edits = [asked(editor, given, seed) for given, seed in zip(pictures, (7, 8, 9), strict=True)]
    together = editor.edit(edits, QUICK)
    alone = [editor.edit([edit], QUICK)[0] for edit in edits]
    assert together == alone
    assert [p.provenance["seed"] for p in together] == [7, 8, 9]
    other = editor.edit([asked(editor, pictures[0], 10)], QUICK)[0]
    assert np.abs(pixels(other) - pixels(together[0])).max() > 2


@each
def test_in_a_batch_a_picture_is_the_same_to_two_levels(
    which: str, made: Callable[[str], PipelineEditor], monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = made(which)
    edits = [asked(editor, picture(16, 16, seed), seed) for seed in range(3)]
    alone = editor.edit(edits, QUICK)
    sizes = []
    monkeypatch.setattr(
        "tasvir.generate.pipeline_editing.generators",
        lambda seeds: sizes.append(len(seeds)) or generators(seeds),
    )
    monkeypatch.setattr(editor, "batch", 2)
    together = editor.edit(edits, QUICK)
    assert sizes == [2, 1]
    assert max(np.abs(pixels(a) - pixels(b)).max() for a, b in zip(alone, together, strict=True)) <= 2


@each
def test_no_size_is_cropped_or_shrunk(which: str, made: Callable[[str], PipelineEditor]) -> None:
    editor = made(which)
    drawn = editor.edit([asked(editor, picture(19, 13), 1)], EditSettings(steps=2))[0]
    assert (drawn.width, drawn.height) == editor.size_after((19, 13))
    if not isinstance(editor, VariationsEditor):
        assert (drawn.width, drawn.height) == (19 * editor.factor, 13 * editor.factor)
        wide, high = drawn.provenance["padded_to"]
        assert wide >= 19 and high >= 13 and wide % editor.grain == high % editor.grain == 0


@each
def test_after_an_interrupt_the_model_draws_as_before(
    which: str, made: Callable[[str], PipelineEditor]
) -> None:
    editor = made(which)
    edit = asked(editor, picture(16, 16), 4)
    before = pixels(editor.edit([edit], QUICK)[0])
    network = getattr(editor.pipeline, "unet", None) or editor.pipeline.decoder
    passes = 0

    def stop(*_: Any) -> None:
        nonlocal passes
        passes += 1
        if passes == 2:
            raise KeyboardInterrupt

    hook = network.register_forward_pre_hook(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            editor.edit([edit], EditSettings(steps=5))
    finally:
        hook.remove()
    assert np.abs(pixels(editor.edit([edit], QUICK)[0]) - before).max() == 0


@pytest.mark.parametrize("which", ["depth", "image-to-image", "inpaint", "upscale-x4", "stable-unclip"])
def test_another_sampler_draws_otherwise_and_is_put_back(
    which: str, made: Callable[[str], PipelineEditor]
) -> None:
    editor = made(which)
    edit = asked(editor, picture(16, 16), 4)
    own = editor.edit([edit], QUICK)[0]
    euler = editor.edit([edit], EditSettings(steps=3, sampler="euler-a"))[0]
    assert euler.provenance["sampler"] == "EulerAncestralDiscreteScheduler"
    assert np.abs(pixels(own) - pixels(euler)).max() > 2
    again = editor.edit([edit], QUICK)[0]
    assert again == own


@pytest.mark.parametrize("which", ["upscale-latent", "karlo"])
def test_a_sampler_is_refused_where_none_can_be_exchanged(
    which: str, made: Callable[[str], PipelineEditor]
) -> None:
    editor = made(which)
    with pytest.raises(SettingError, match="leave out the sampler"):
        editor.edit([asked(editor, picture(16, 16), 4)], EditSettings(steps=2, sampler="euler"))


@pytest.mark.parametrize("which", ["depth", "image-to-image", "inpaint"])
def test_less_than_one_step_is_refused_before_anything_is_drawn(
    which: str, made: Callable[[str], PipelineEditor]
) -> None:
    editor = made(which)
    with pytest.raises(SettingError, match=r"less than one step.*at least 0\.25"):
        editor.edit([asked(editor, picture(16, 16), 4)], EditSettings(strength=0.2, steps=4))
    drawn = editor.edit([asked(editor, picture(16, 16), 4)], EditSettings(strength=0.25, steps=4))[0]
    assert (drawn.provenance["strength"], drawn.provenance["steps"]) == (0.25, 4)


def test_little_strength_keeps_more_of_the_picture(made: Callable[[str], PipelineEditor]) -> None:
    editor, given = made("image-to-image"), picture()
    whole = pixels(Picture(given.png, given.width, given.height))
    blank = editor.pipeline.vae  # what the autoencoder alone makes of it is the nearest that can be had
    with torch.no_grad():
        x = editor.pipeline.image_processor.preprocess([to_image(given)])
        kept = blank.decode(blank.encode(x).latent_dist.mode()).sample
    nearest = editor.pipeline.image_processor.postprocess(kept, output_type="np")[0] * 255
    little, much = (
        pixels(editor.edit([asked(editor, given, 4)], EditSettings(strength=share, steps=10))[0])
        for share in (0.1, 1.0)
    )
    assert whole.shape == little.shape
    assert np.abs(little - nearest).mean() < np.abs(much - nearest).mean()


@each
def test_noise_is_drawn_from_the_seeds_alone(which: str, made: Callable[[str], PipelineEditor]) -> None:
    editor = made(which)
    edit = asked(editor, picture(16, 16), 4)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = editor.edit([edit], QUICK)
    assert torch.equal(torch.random.get_rng_state(), before), "torch's global source was drawn from"
    torch.manual_seed(2)
    assert editor.edit([edit], QUICK) == one
