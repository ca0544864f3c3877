"""Regional prompting: who owns a cell, what a cell hears, and that nothing stays on the U-Net."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.hub.drawing import generators
from tasvir.models.regional import RegionalAttention, listening, owner_map, regions_of
from tasvir.models.tiny.families import build
from tasvir.models.tiny.layout_families import enliven
from tasvir.records import Box, Layout, Thing

LEFT, RIGHT = Box(0, 0.25, 0.5, 0.75), Box(0.5, 0.25, 1, 0.75)


def layout(left: str = "a red car", right: str = "a dog") -> Layout:
    return Layout((Thing(left, LEFT), Thing(right, RIGHT)))


@pytest.fixture(scope="module", params=["sd", "sdxl"])
def pipeline(request: pytest.FixtureRequest) -> Any:
    """With cross-attention that is heard: as drawn by libraries its share of a picture is next to nothing."""
    made = build(request.param)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        for name, module in made.unet.named_modules():
            if name.endswith("attn2"):
                enliven(module)
    return made


def latents(pipeline: Any, layouts: list[Layout | None], base: float, size: tuple[int, int]) -> Tensor:
    regions = regions_of(pipeline, layouts, size, base)
    assert regions is not None
    with listening(pipeline.unet, regions):
        return plain(pipeline, len(layouts), size)


def plain(pipeline: Any, count: int, size: tuple[int, int] = (64, 64), output: str = "latent") -> Any:
    return pipeline(
        ["a street"] * count,
        width=size[0],
        height=size[1],
        num_inference_steps=2,
        guidance_scale=7.5,
        generator=generators(range(count)),
        output_type=output,
    ).images


def test_the_nearest_box_over_a_cell_owns_it() -> None:
    """By hand: 4 x 4 cells; the second thing lies nearer; the third is smaller than a cell."""
    things = (
        Thing("far", Box(0, 0, 0.75, 0.5)),
        Thing("near", Box(0.5, 0.25, 1, 1)),
        Thing("speck", Box(0.02, 0.9, 0.1, 0.98)),
    )
    assert owner_map(Layout(things), 4, 4).tolist() == [
        [0, 0, 0, -1],
        [0, 0, 1, 1],
        [-1, -1, 1, 1],
        [2, -1, 1, 1],
    ]
    assert owner_map(Layout(things[::-1]), 4, 4).tolist()[1] == [0 + 2, 2, 2, 1]
    assert owner_map(None, 1, 2).tolist() == [[-1, -1]]


def test_base_ratio_one_is_plain_prompting(pipeline: Any) -> None:
    regional = latents(pipeline, [layout(), None], 1.0, (64, 64))
    assert torch.equal(regional, plain(pipeline, 2))


def test_regions_that_hear_the_prompt_itself_change_nothing(pipeline: Any) -> None:
    """Attention to a copy of the same tokens: any share of it gives the plain picture, up to rounding."""
    same = latents(pipeline, [layout("a street", "a street")], 0.3, (64, 64))
    assert (same - plain(pipeline, 1)).abs().max() < 1e-3 * plain(pipeline, 1).abs().max()


def test_a_phrase_is_heard_in_its_box_more_than_elsewhere(pipeline: Any) -> None:
    """Left and right change places; both times the change lies in the box whose phrase changed."""
    size = (128, 128)
    before = latents(pipeline, [layout()], 0.0, size)
    for changed, box in ((layout(left="a blue boat"), LEFT), (layout(right="a blue boat"), RIGHT)):
        change = (latents(pipeline, [changed], 0.0, size) - before).abs().mean(dim=1)[0]
        rows, columns = slice(4, 12), slice(round(box.x0 * 16), round(box.x1 * 16))
        outside = torch.ones(16, 16, dtype=torch.bool)
        outside[rows, columns] = False
        assert change[rows, columns].mean() > 2 * change[outside].mean() > 0


def test_each_picture_of_a_batch_has_its_own_regions(pipeline: Any) -> None:
    layouts = [layout(), None, Layout((Thing("a tree", Box(0.2, 0.2, 0.9, 0.9)),))]
    batch = latents(pipeline, layouts, 0.2, (96, 64))
    assert batch.shape[2:] == (8, 12)
    unprompted = plain(pipeline, 3, (96, 64))
    spread = unprompted.std()
    assert (batch[1] - unprompted[1]).abs().max() < 1e-3 * spread
    for index in (0, 2):
        assert (batch[index] - unprompted[index]).abs().max() > 0.1 * spread
    first = latents(pipeline, layouts[:1], 0.2, (96, 64))[0]
    assert (batch[0] - first).abs().max() < 1e-3 * spread


def test_nothing_stays_on_the_unet_also_after_an_exception(pipeline: Any) -> None:
    regions = regions_of(pipeline, [layout()], (64, 64), 0.5)
    before = dict(pipeline.unet.attn_processors)
    with pytest.raises(KeyboardInterrupt), listening(pipeline.unet, regions):  # type: ignore[arg-type]
        inside = pipeline.unet.attn_processors.values()
        assert sum(isinstance(processor, RegionalAttention) for processor in inside) * 2 == len(before)
        raise KeyboardInterrupt
    assert all(pipeline.unet.attn_processors[name] is processor for name, processor in before.items())


def test_sizes_that_halve_unevenly_find_their_shape(pipeline: Any) -> None:
    """72 x 88 pixels are latents of 9 x 11, then 5 x 6."""
    assert np.isfinite(latents(pipeline, [layout()], 0.0, (88, 72)).numpy()).all()


def test_no_phrases_no_regions_and_strange_layers_are_said(pipeline: Any) -> None:
    assert regions_of(pipeline, [None, Layout()], (64, 64), 0.5) is None
    regions = regions_of(pipeline, [layout()], (64, 64), 0.5)
    assert regions is not None
    with pytest.raises(SettingError, match="a layer of 49 cells"):
        regions.mask(49, 77)
