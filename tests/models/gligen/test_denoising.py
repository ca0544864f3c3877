"""The GLIGEN loop against diffusers' pipeline where that is right, and against its faults where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionGLIGENPipeline
from diffusers.models.attention import GatedSelfAttentionDense
from numpy.typing import NDArray
from sampler_names import SAMPLERS

from tasvir.errors import SettingError
from tasvir.models.gligen.denoising import Course, draw
from tasvir.models.hub.drawing import generators, use_sampler
from tasvir.models.quiet import quiet
from tasvir.models.tiny.unet_families import stable_diffusion_with_safety_checker
from tasvir.records import Box, Layout, Thing

TEXT = "a red car left of a dog"
LAYOUT = Layout((Thing("a red car", Box(0.05, 0.5, 0.45, 0.72)), Thing("a dog", Box(0.6, 0.5, 0.9, 0.75))))
MIRRORED = Layout((Thing("a red car", Box(0.55, 0.5, 0.95, 0.72)), Thing("a dog", Box(0.1, 0.5, 0.4, 0.75))))
SIZE = (64, 64)
EVERY_STEP = Course(4, 7.5, 1.0)
SAME = 2
"""Levels of 255 that a picture may differ by in another batch: sums of floats in another order."""

Pixels = NDArray[np.int64]


def drawn(
    pipeline: Any,
    layouts: Sequence[Layout | None],
    seeds: Sequence[int],
    course: Course = EVERY_STEP,
    **options: Any,
) -> list[Pixels]:
    size = options.pop("size", SIZE)
    output = draw(pipeline, [TEXT] * len(seeds), layouts, generators(seeds), size, course, **options)
    return [np.asarray(image).astype(np.int64) for image in output.images]


def theirs(pipeline: Any) -> Any:
    names = ("vae", "text_encoder", "tokenizer", "unet", "scheduler", "safety_checker", "feature_extractor")
    with quiet():
        made = StableDiffusionGLIGENPipeline(
            **{name: pipeline.components[name] for name in names}, requires_safety_checker=False
        )
    made.set_progress_bar_config(disable=True)
    return made


def drawn_by_theirs(pipeline: Any, layout: Layout, seed: int, course: Course) -> Pixels:
    image = theirs(pipeline)(
        [TEXT],
        height=SIZE[1],
        width=SIZE[0],
        num_inference_steps=course.steps,
        guidance_scale=course.scale,
        gligen_scheduled_sampling_beta=course.beta,
        gligen_phrases=[thing.phrase for thing in layout.things],
        gligen_boxes=[thing.box.as_tuple() for thing in layout.things],
        generator=generators([seed]),
    ).images[0]
    return np.asarray(image).astype(np.int64)


def fusers(pipeline: Any) -> list[GatedSelfAttentionDense]:
    return [module for module in pipeline.unet.modules() if isinstance(module, GatedSelfAttentionDense)]


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_one_layout_gives_the_pixels_of_diffusers(gligen: Any, beta: float, scale: float) -> None:
    course = Course(6, scale, beta)
    ours = drawn(gligen, [LAYOUT], [3], course)[0]
    assert np.abs(ours - drawn_by_theirs(gligen, LAYOUT, 3, course)).max() == 0


@pytest.mark.parametrize("sampler", ["euler", "dpmpp-2m", "unipc", "heun"])
def test_and_so_with_other_samplers(gligen: Any, sampler: str) -> None:
    course = Course(5, 7.5, 0.5)
    try:
        use_sampler(gligen, sampler)
        ours = drawn(gligen, [LAYOUT], [3], course)[0]
        assert np.abs(ours - drawn_by_theirs(gligen, LAYOUT, 3, course)).max() == 0
    finally:
        use_sampler(gligen, None)


@pytest.mark.parametrize("model", ["gligen", "gligen_xl"])
def test_without_grounding_it_is_plain_stable_diffusion(model: str, request: pytest.FixtureRequest) -> None:
    pipeline = request.getfixturevalue(model)
    ours = drawn(pipeline, [LAYOUT], [3], Course(4, 7.5, 0.0))[0]
    plain = pipeline([TEXT], height=64, width=64, num_inference_steps=4, guidance_scale=7.5,
                     generator=generators([3])).images[0]  # fmt: skip
    assert np.abs(ours - np.asarray(plain)).max() == 0
    assert np.abs(ours - drawn(pipeline, [LAYOUT], [3])[0]).mean() > 5


@pytest.mark.parametrize("model", ["gligen", "gligen_xl"])
def test_every_picture_of_a_batch_has_its_own_layout(model: str, request: pytest.FixtureRequest) -> None:
    """diffusers shares one layout among all pictures of a batch."""
    pipeline = request.getfixturevalue(model)
    layouts = [LAYOUT, None, MIRRORED, Layout()]
    batch = drawn(pipeline, layouts, [5, 5, 5, 6])
    for picture, layout, seed in zip(batch, layouts, [5, 5, 5, 6], strict=True):
        assert np.abs(picture - drawn(pipeline, [layout], [seed])[0]).max() <= SAME
    assert min(np.abs(batch[0] - other).mean() for other in (batch[1], batch[2])) > 5


def test_no_layout_and_no_things_are_the_same_and_no_crash(gligen: Any) -> None:
    """diffusers raises IndexError without phrases."""
    assert np.array_equal(drawn(gligen, [None], [1])[0], drawn(gligen, [Layout()], [1])[0])


def test_nothing_is_left_on_the_network_and_nothing_left_on_it_matters(gligen: Any) -> None:
    """diffusers leaves the fusers off; a network shared with it would ignore boxes."""
    before = drawn(gligen, [LAYOUT], [3])[0]
    drawn_by_theirs(gligen, LAYOUT, 3, Course(4, 7.5, 0.25))
    assert not any(fuser.enabled for fuser in fusers(gligen))
    assert np.array_equal(drawn(gligen, [LAYOUT], [3])[0], before)
    drawn(gligen, [LAYOUT], [3], Course(4, 7.5, 0.25))
    assert all(fuser.enabled for fuser in fusers(gligen))


@pytest.mark.parametrize("sampler", ["ddim", "euler-a", "ddpm"])
def test_all_noise_comes_from_the_pictures_generator(gligen: Any, sampler: str) -> None:
    try:
        use_sampler(gligen, sampler)
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = drawn(gligen, [LAYOUT, MIRRORED], [3, 4])
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(2)
        second = drawn(gligen, [MIRRORED, LAYOUT], [4, 3])
        assert np.abs(first[0] - second[1]).max() <= SAME and np.abs(first[1] - second[0]).max() <= SAME
    finally:
        use_sampler(gligen, None)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_the_layout(gligen: Any, sampler: str) -> None:
    try:
        use_sampler(gligen, sampler)
        one, other = drawn(gligen, [LAYOUT, MIRRORED], [5, 5])
        assert np.abs(one - other).mean() > 1
    finally:
        use_sampler(gligen, None)


def test_long_phrases_are_cut_and_many_things_refused(gligen: Any) -> None:
    """diffusers crashes beyond 77 tokens and cuts more than 30 things off with a warning."""
    box = Box(0.1, 0.1, 0.5, 0.5)
    drawn(gligen, [Layout((Thing("a very " + "long " * 40 + "dog", box),))], [0], Course(1, 1.0, 1.0))
    drawn(gligen, [Layout((Thing("a dog", box),) * 30)], [0], Course(1, 1.0, 1.0))
    with pytest.raises(SettingError, match="31 things, this model reads 30"):
        drawn(gligen, [None, Layout((Thing("a dog", box),) * 31)], [0, 1])


def test_the_unconditional_half_sees_null_objects_in_the_first_share_of_the_steps(gligen: Any) -> None:
    seen: list[torch.Tensor] = []
    handle = gligen.unet.position_net.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["masks"]), with_kwargs=True
    )
    try:
        drawn(gligen, [LAYOUT, None], [1, 2], Course(10, 7.5, 0.35))
    finally:
        handle.remove()
    assert len(seen) == 3  # of 10 steps, 0.35 rounded down
    assert [mask.sum().item() for mask in seen[0]] == [0, 0, 2, 0]
    assert Course(100, 1.0, 0.29).grounded(100) == 29  # 0.29 * 100 is 28.999... in floats


def test_closed_gates_are_the_identity(gligen: Any) -> None:
    """tanh(0) = 0 weighs both parts of a gated attention (Li et al. 2023, equation 8)."""
    gates = [gate for fuser in fusers(gligen) for gate in (fuser.alpha_attn, fuser.alpha_dense)]
    before = [gate.item() for gate in gates]
    try:
        for gate in gates:
            torch.nn.init.zeros_(gate)
        closed = drawn(gligen, [LAYOUT], [3])[0]
        assert np.array_equal(closed, drawn(gligen, [None], [3], Course(4, 7.5, 0.0))[0])
    finally:
        for gate, value in zip(gates, before, strict=True):
            torch.nn.init.constant_(gate, value)


def test_a_picture_need_not_be_square(gligen: Any) -> None:
    assert drawn(gligen, [LAYOUT], [1], size=(96, 64))[0].shape == (64, 96, 3)
    with pytest.raises(SettingError, match="multiples of 8"):
        drawn(gligen, [LAYOUT], [1], size=(70, 64))


def test_an_interrupted_drawing_leaves_the_pipeline_as_it_was(gligen: Any) -> None:
    before = drawn(gligen, [LAYOUT], [3], Course(4, 7.5, 0.5))[0]
    told: list[tuple[int, int]] = []

    def stop(step: int, total: int, latents: torch.Tensor) -> None:
        told.append((step, total))
        assert latents.shape == (1, 4, 8, 8)
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawn(gligen, [LAYOUT], [3], Course(4, 7.5, 0.5), on_step=stop)
    assert told == [(1, 4), (2, 4), (3, 4)]
    assert np.array_equal(drawn(gligen, [LAYOUT], [3], Course(4, 7.5, 0.5))[0], before)


@pytest.mark.parametrize("blocks", [False, True])
def test_what_a_safety_checker_blocks_is_said(gligen: Any, blocks: bool) -> None:
    watched = stable_diffusion_with_safety_checker(blocks)
    kept = (gligen.safety_checker, gligen.feature_extractor)
    try:
        gligen.safety_checker, gligen.feature_extractor = watched.safety_checker, watched.feature_extractor
        output = draw(gligen, [TEXT] * 2, [LAYOUT, None], generators([1, 2]), SIZE, Course(1, 1.0, 1.0))
    finally:
        gligen.safety_checker, gligen.feature_extractor = kept
    assert output.nsfw_content_detected == [blocks, blocks]
    assert [np.asarray(image).max() == 0 for image in output.images] == [blocks, blocks]


def test_beta_is_a_share() -> None:
    for beta in (-0.1, 1.1, float("nan")):
        with pytest.raises(SettingError, match="0 to 1"):
            Course(4, 7.5, beta)
