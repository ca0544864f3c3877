"""Inpainting with a gated U-Net: masks, what the network is given, and where the noise comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionGLIGENPipeline
from numpy.typing import NDArray
from PIL import Image

from tasvir.errors import SettingError
from tasvir.models.gligen.denoising import Course
from tasvir.models.gligen.inpainting import inpaint, kept_mask
from tasvir.models.hub.drawing import generators
from tasvir.models.quiet import quiet
from tasvir.records import Box, Layout, Thing

TEXT = "a red car left of a dog"
COURSE = Course(4, 7.5, 0.5)
LAYOUT = Layout((Thing("a red car", Box(0, 0.5, 0.5, 1)), Thing("a dog", Box(0.75, 0.25, 1, 0.5))))
OTHER = Layout((Thing("a blue ball", Box(0.25, 0, 0.75, 0.5)),))


def picture(size: tuple[int, int] = (64, 64), seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BILINEAR)


def painted(
    pipeline: Any, layouts: Sequence[Layout], seeds: Sequence[int], **options: Any
) -> list[NDArray[np.int64]]:
    pictures = options.pop("pictures", None) or [picture(seed=seed) for seed in seeds]
    output = inpaint(pipeline, [TEXT] * len(seeds), layouts, pictures, generators(seeds), COURSE, **options)
    return [np.asarray(image).astype(np.int64) for image in output.images]


def test_the_mask_of_a_wide_picture() -> None:
    """By hand: 4 rows, 8 columns. diffusers scales x by the height and y by the width."""
    mask = kept_mask([Box(0.5, 0.25, 0.75, 0.75)], (4, 8))
    assert mask.tolist() == [
        [1, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0, 0, 1, 1],
        [1, 1, 1, 1, 0, 0, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1],
    ]
    assert kept_mask([Box(0.45, 0.1, 0.55, 0.2)], (4, 8)).tolist()[0] == [1, 1, 1, 0, 0, 1, 1, 1]
    assert kept_mask([], (2, 2)).tolist() == [[1, 1], [1, 1]]


@pytest.mark.filterwarnings("ignore:Accessing config attribute:FutureWarning")  # by diffusers' pipeline
def test_a_square_picture_gives_the_pixels_of_diffusers(
    inpainter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """diffusers draws its noise from the global generator: seeded like ours, it is the same stream.

    It fills tensors in the order of their memory, which depends on the convolutions before: undone here.
    """
    monkeypatch.setattr(torch, "randn_like", lambda like: torch.randn(like.shape))
    names = ("vae", "text_encoder", "tokenizer", "unet", "scheduler", "safety_checker", "feature_extractor")
    with quiet():
        theirs = StableDiffusionGLIGENPipeline(
            **{name: inpainter.components[name] for name in names}, requires_safety_checker=False
        )
    theirs.set_progress_bar_config(disable=True)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(7)
        image = theirs(
            [TEXT],
            num_inference_steps=COURSE.steps,
            guidance_scale=COURSE.scale,
            gligen_scheduled_sampling_beta=COURSE.beta,
            gligen_phrases=[thing.phrase for thing in LAYOUT.things],
            gligen_boxes=[thing.box.as_tuple() for thing in LAYOUT.things],
            gligen_inpaint_image=picture(seed=7),
            generator=generators([0])[0],  # only for nine channels of noise that it throws away
        ).images[0]
    assert np.abs(painted(inpainter, [LAYOUT], [7])[0] - np.asarray(image)).max() == 0


def test_all_noise_comes_from_the_pictures_generator(inpainter: Any) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = painted(inpainter, [LAYOUT, OTHER], [3, 4])
    assert torch.equal(torch.get_rng_state(), before)
    alone = painted(inpainter, [OTHER], [4])[0]
    assert np.abs(first[1] - alone).max() <= 2
    assert np.abs(first[1] - first[0]).max() > 2


def test_the_network_reads_noise_what_is_kept_and_the_mask(inpainter: Any) -> None:
    """A wide picture, of which one of two things is repainted."""
    size, area = (128, 64), LAYOUT.things[1].box
    seen: list[torch.Tensor] = []
    handle = inpainter.unet.register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    try:
        painted(inpainter, [LAYOUT], [3], pictures=[picture(size)], areas=[[area]])
    finally:
        handle.remove()
    assert len(seen) == COURSE.steps
    mask = torch.ones(8, 16)
    mask[2:4, 12:16] = 0
    clean = seen[0][0, 4:8]
    for entered in seen:
        assert entered.shape == (2, 9, 8, 16) and torch.equal(entered[0], entered[1])
        assert torch.equal(entered[0, 8], mask)
        assert torch.equal(entered[0, 4:8], clean) and torch.all(clean[:, mask == 0] == 0)
    last = inpainter.scheduler.timesteps[-1]
    signal = inpainter.scheduler.alphas_cumprod[last]
    noise = (seen[-1][0, :4] - signal.sqrt() * clean)[:, mask == 1] / (1 - signal).sqrt()
    assert abs(noise.mean().item()) < 0.25 and abs(noise.std().item() - 1) < 0.15  # 464 normal numbers


def test_what_cannot_be_repainted_is_refused(inpainter: Any, gligen: Any) -> None:
    with pytest.raises(SettingError, match="reads 4 channels, inpainting needs 9"):
        painted(gligen, [LAYOUT], [0])
    with pytest.raises(SettingError, match="64x64, 128x64"):
        painted(inpainter, [LAYOUT, OTHER], [0, 1], pictures=[picture(), picture((128, 64))])
    with pytest.raises(SettingError, match="multiples of 8"):
        painted(inpainter, [LAYOUT], [0], pictures=[picture((68, 64))])
