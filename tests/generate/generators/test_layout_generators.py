"""The layout generators of hub models: what all of them promise, and each one's own options."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionGLIGENPipeline
from numpy.typing import NDArray
from PIL import Image

from tasvir.codecs import decode
from tasvir.errors import HubError, SettingError
from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.controlnet import ControlNetGenerator
from tasvir.generate.generators.gligen import GligenGenerator
from tasvir.generate.generators.prompted import PromptedGenerator
from tasvir.generate.generators.regional import RegionalGenerator
from tasvir.generate.hub_drawing import HubGenerator
from tasvir.models.control.maps import depth_map
from tasvir.models.hub.drawing import generators
from tasvir.models.layout_prompts import written
from tasvir.models.load import LoadSettings
from tasvir.models.tiny.families import build
from tasvir.models.tiny.layout_families import controlnet
from tasvir.records import Box, Layout, Picture, Prompt, Thing

HERE = LoadSettings(device="cpu")
PROMPT = Prompt("a red car left of a dog")
LAYOUT = Layout(
    (Thing("a red car", Box(0.05, 0.5, 0.45, 0.72)), Thing("a dog", Box(0.6, 0.5, 0.9, 0.75))), "a park"
)
QUICK = DrawSettings(size=(64, 64), steps=2)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("models")
    for family in ("gligen", "gligen-xl", "sd", "sdxl", "pixart-sigma"):
        build(family).save_pretrained(str(root / family))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        for family in ("sd", "sdxl"):
            controlnet(build(family).unet).save_pretrained(str(root / f"control-{family}"))
    return {path.name: str(path) for path in root.iterdir()}


@pytest.fixture(scope="session")
def made(folders: dict[str, str]) -> dict[str, HubGenerator]:
    return {
        "gligen": GligenGenerator(folders["gligen"], HERE, beta=1.0, batch=2),
        "regional": RegionalGenerator(folders["sd"], HERE, base_ratio=0.2, batch=2),
        "controlnet": ControlNetGenerator(folders["sd"], HERE, control=folders["control-sd"], batch=2),
        "prompted": PromptedGenerator(folders["pixart-sigma"], HERE, codec="flux3", batch=2),
    }


each = pytest.mark.parametrize("name", ["gligen", "regional", "controlnet", "prompted"])


def pixels(picture: Picture) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(picture.png)) as image:
        return np.asarray(image).astype(np.int64)


@each
def test_batches_of_layouts_and_none_are_drawn_like_singles(made: dict[str, HubGenerator], name: str) -> None:
    """Five pictures, at most two at once; within two levels of 255."""
    generator = made[name]
    other = Layout((Thing("a tree", Box(0.3, 0.1, 0.7, 0.9)),))
    layouts = [LAYOUT, None, other, None, LAYOUT]
    pictures = generator.draw([PROMPT] * 5, layouts, [1, 1, 2, 3, 1], QUICK)
    assert [picture.provenance["seed"] for picture in pictures] == [1, 1, 2, 3, 1]
    assert np.abs(pixels(pictures[0]) - pixels(pictures[4])).max() <= 2
    for index in (0, 1, 2):
        alone = generator.draw([PROMPT], [layouts[index]], [[1, 1, 2][index]], QUICK)[0]
        assert np.abs(pixels(pictures[index]) - pixels(alone)).max() <= 2


@each
def test_an_interrupt_leaves_the_generator_usable(made: dict[str, HubGenerator], name: str) -> None:
    generator = made[name]
    before = generator.draw([PROMPT], [LAYOUT], [1], QUICK)[0]

    def stop(step: int, total: int, latents: torch.Tensor) -> None:
        raise KeyboardInterrupt

    generator.on_step = stop
    try:
        with pytest.raises(KeyboardInterrupt):
            generator.draw([PROMPT], [LAYOUT], [1], QUICK)
    finally:
        generator.on_step = None
    assert np.array_equal(pixels(generator.draw([PROMPT], [LAYOUT], [1], QUICK)[0]), pixels(before))


@each
@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        (Layout((Thing("a dog", Box(0.5, 0.1, 0.4, 0.9)),)), "x0 < x1"),
        (Layout((Thing("a dog", Box(0.1, 0.1, float("nan"), 0.9)),)), "x0 < x1"),
        (Layout((Thing("a dog", Box(10, 10, 200, 200)),)), "all from 0 to 1"),
        (Layout((Thing("  ", Box(0.1, 0.1, 0.4, 0.9)),)), "has no phrase"),
        (Layout((Thing("a dog", Box(0.1, 0.1, 0.4, 0.9)),) * 65), "65 things"),
    ],
)
def test_a_layout_that_is_none_is_refused(
    made: dict[str, HubGenerator], name: str, layout: Layout, problem: str
) -> None:
    with pytest.raises(SettingError, match=problem):
        made[name].draw([PROMPT], [layout], [0], QUICK)


@each
def test_the_provenance_says_how_to_draw_it_again(
    made: dict[str, HubGenerator], folders: dict[str, str], name: str
) -> None:
    settings = DrawSettings(size=(64, 64), steps=3, scale=4.0)
    picture = made[name].draw([PROMPT], [LAYOUT], [9], settings)[0]
    told = json.loads(json.dumps(picture.provenance))
    assert told["generator"] == name and made[name].label == f"{name}:{told['model']}"
    assert (told["seed"], told["steps"], told["scale"], told["dtype"]) == (9, 3, 4.0, "float32")
    assert told["source"] in folders.values() and told["sampler"].endswith("Scheduler")
    own = {
        "gligen": {"beta": 1.0, "grounded_steps": 3},
        "regional": {"base_ratio": 0.2},
        "controlnet": {"control": folders["control-sd"], "map": "depth", "weight": 1.0},
        "prompted": {"codec": "flux3"},
    }[name]
    assert own.items() <= told.items()


@each
def test_too_little_memory_says_what_to_leave_out(
    made: dict[str, HubGenerator], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    pipeline = made[name].model.pipeline
    network = pipeline.transformer if name == "prompted" else pipeline.unet
    monkeypatch.setattr(network, "forward", full)
    with pytest.raises(SettingError, match=r"too small for 1 such pictures at once.*--set batch=1"):
        made[name].draw([PROMPT], [LAYOUT], [1], QUICK)


def test_a_controlled_picture_names_the_commit_of_its_model(folders: dict[str, str], tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshots" / "0123abcd"
    snapshot.parent.mkdir()
    snapshot.symlink_to(folders["sd"])
    generator = ControlNetGenerator(str(snapshot), HERE, control=folders["control-sd"])
    pictures = generator.draw([PROMPT] * 2, [LAYOUT, None], [1, 1], QUICK)
    assert [picture.provenance["commit"] for picture in pictures] == ["0123abcd"] * 2


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda f: GligenGenerator(f["sd"], HERE), "no U-Net with gated attention"),
        (lambda f: GligenGenerator(f["gligen"], HERE, beta=1.5), "beta is 1.5"),
        (lambda f: GligenGenerator(f["gligen"], HERE, batch=0), "batch is 0"),
        (lambda f: RegionalGenerator(f["pixart-sigma"], HERE), "Stable Diffusion 1, 2 and XL"),
        (lambda f: RegionalGenerator(f["sd"], HERE, base_ratio=2), "base_ratio is 2"),
        (lambda f: ControlNetGenerator(f["sd"], HERE), "--set control=NAME"),
        (lambda f: ControlNetGenerator(f["sd"], HERE, control="x", map="edges"), "map is 'edges'"),
        (lambda f: ControlNetGenerator(f["sd"], HERE, control=f["control-sd"], weight=3), "weight is 3"),
        (lambda f: ControlNetGenerator(f["sd"], HERE, control=f["control-sdxl"]), "width 64"),
        (lambda f: ControlNetGenerator(f["pixart-sigma"], HERE, control="x"), "PixArtSigmaPipeline"),
        (lambda f: PromptedGenerator(f["sd"], HERE), "--set codec=NAME"),
        (lambda f: PromptedGenerator(f["sd"], HERE, codec="rpg"), "flux3, moss"),
    ],
)  # fmt: skip
def test_models_and_options_that_do_not_fit_are_said(
    folders: dict[str, str], make: Any, problem: str
) -> None:
    with pytest.raises(SettingError, match=problem):
        make(folders)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: GligenGenerator("interactdiffusion-xl", HERE), "trust-remote-code"),
        (lambda: GligenGenerator("instancediffusion", HERE), "trust-remote-code"),
        (lambda: PromptedGenerator("moss-image", HERE), "trust-remote-code"),
        (lambda: PromptedGenerator("flux3-klein", LoadSettings(device="cpu", local_only=True)), "flux-3"),
    ],
)
def test_what_needs_code_of_its_own_is_guarded(make: Any, problem: str) -> None:
    """Refused before anything is fetched (the last is not on this disk)."""
    with pytest.raises(HubError, match=problem):
        make()


def test_gligen_opens_a_folder_that_names_diffusers_own_pipeline(
    folders: dict[str, str],
    tmp_path: Path,
    made: dict[str, HubGenerator],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As IGLIGEN's does; without a word about the class being deprecated."""
    pipeline = build("gligen")
    parts = {key: part for key, part in pipeline.components.items() if key != "image_encoder"}
    StableDiffusionGLIGENPipeline(**parts, requires_safety_checker=False).save_pretrained(str(tmp_path))
    caplog.clear()
    generator = GligenGenerator(str(tmp_path), HERE, beta=1.0)
    assert caplog.records == []
    one, other = (g.draw([PROMPT], [LAYOUT], [1], QUICK)[0] for g in (generator, made["gligen"]))
    assert np.array_equal(pixels(one), pixels(other))


def test_gligen_refuses_so_few_steps_that_none_sees_the_boxes(folders: dict[str, str]) -> None:
    generator = GligenGenerator(folders["gligen"], HERE)
    with pytest.raises(SettingError, match=r"beta is 0\.3 and steps is 3.*take 4 steps or more"):
        generator.draw([PROMPT], [LAYOUT], [1], DrawSettings(size=(64, 64), steps=3))
    generator.draw([PROMPT], [None], [1], DrawSettings(size=(64, 64), steps=3))
    picture = generator.draw([PROMPT], [LAYOUT], [1], DrawSettings(size=(64, 64), steps=4))[0]
    assert picture.provenance["grounded_steps"] == 1


def test_gligen_xl_draws_layouts(folders: dict[str, str]) -> None:
    generator = GligenGenerator(folders["gligen-xl"], HERE, beta=1.0)
    with_boxes, without = generator.draw([PROMPT] * 2, [LAYOUT, None], [1, 1], QUICK)
    assert np.abs(pixels(with_boxes) - pixels(without)).mean() > 5


def test_controlnet_gives_the_pixels_of_diffusers_and_its_weight_counts(
    folders: dict[str, str], made: dict[str, HubGenerator]
) -> None:
    ours = pixels(made["controlnet"].draw([PROMPT], [LAYOUT], [4], DrawSettings((64, 64), 2, 7.5))[0])
    net = ControlNetModel.from_pretrained(folders["control-sd"])
    parts = made["controlnet"].model.pipeline.components
    theirs = StableDiffusionControlNetPipeline(**parts, controlnet=net, requires_safety_checker=False)
    theirs.set_progress_bar_config(disable=True)
    image = theirs(
        [PROMPT.text],
        image=[depth_map(LAYOUT, (64, 64))],
        width=64,
        height=64,
        guidance_scale=7.5,
        num_inference_steps=2,
        generator=generators([4]),
    ).images[0]
    assert np.abs(ours - np.asarray(image)).max() == 0
    weightless = ControlNetGenerator(folders["sd"], HERE, control=folders["control-sd"], weight=0.0)
    laid, plain = weightless.draw([PROMPT] * 2, [LAYOUT, None], [4, 4], QUICK)
    assert np.abs(pixels(laid) - pixels(plain)).max() <= 2
    assert np.abs(ours - pixels(plain)).mean() > 1


def test_controlnet_goes_with_sdxl(folders: dict[str, str]) -> None:
    generator = ControlNetGenerator(
        folders["sdxl"], HERE, control=folders["control-sdxl"], map="segmentation"
    )
    laid, plain = generator.draw([PROMPT] * 2, [LAYOUT, None], [4, 4], QUICK)
    assert np.abs(pixels(laid) - pixels(plain)).mean() > 1


def test_the_prompt_and_its_table_are_what_flux3_reads() -> None:
    """Every id of the table is cited in the text, and the table says where the things are."""
    text = written("flux3", PROMPT.text, LAYOUT, (64, 64))
    caption, _, table = text.partition(" [{")
    rows = json.loads("[{" + table)
    assert caption == (
        "a red car left of a dog. Background: a park. In the picture: a red car <thing_1>, a dog <thing_2>."
    )
    assert rows[0] == {"id": "thing_1", "bbox": [500, 50, 720, 450], "desc": "a red car"}
    assert decode("flux3", rows).things == LAYOUT.things


def test_the_prompt_for_moss_image_is_one_object_about_the_drawn_canvas() -> None:
    data = json.loads(written("moss", PROMPT.text, LAYOUT, (200, 100)))
    assert data["caption"] == "a red car left of a dog. Background: a park."
    assert data["items"][1] == {"label": "object", "caption": "a dog", "bbox": [0, 20, 25, 80]}
    assert data["canvas"] == {"width": 200, "height": 100}
    assert (
        written("moss", PROMPT.text, None, (8, 8))
        == written("flux3", PROMPT.text, Layout(), (8, 8))
        == (PROMPT.text)
    )


def test_a_layout_that_no_text_encoder_reads_to_its_end_is_refused(folders: dict[str, str]) -> None:
    generator = PromptedGenerator(folders["sd"], HERE, codec="flux3")
    with pytest.raises(SettingError, match="of which 77 are read"):
        generator.draw([PROMPT], [LAYOUT], [0], QUICK)
    assert generator.draw([PROMPT], [None], [0], QUICK)[0].provenance["written"] == PROMPT.text
