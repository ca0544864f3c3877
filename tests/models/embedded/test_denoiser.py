"""The denoiser: who may influence a patch, and who may not; a tiny network with random weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasvir.models.embedded.denoiser import (
    FREQUENCIES,
    SLOTS,
    FineHead,
    LayoutTransformer,
    _centers,
    _nearest,
    fourier,
    timestep_features,
)

WIDTH, CHANNELS, GRID = 64, 4, 8
HALF = (1 / GRID, 1 / GRID)


@pytest.fixture(scope="module")
def network() -> LayoutTransformer:
    """Random everywhere: at its own start the last layer is zero and would hide every influence."""
    torch.manual_seed(0)
    made = LayoutTransformer(channels=CHANNELS, grid=GRID, width=WIDTH, depth=2, heads=1, text_width=WIDTH)
    for layer in (made.final_modulation, made.patch_out, *made.dense_again):
        nn.init.normal_(layer.weight, std=0.2)
    return made.eval()


def inputs(boxes: int = 3, words: int = 4, count: int = 2) -> dict[str, Tensor]:
    noise = torch.Generator().manual_seed(1)
    corners = torch.rand(count, boxes, 2, generator=noise) * 0.5
    sides = 0.2 + 0.3 * torch.rand(count, boxes, 2, generator=noise)
    placed = torch.cat([corners, corners + sides], -1)
    placed[:, 0] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    return {
        "latents": torch.randn(count, CHANNELS, GRID, GRID, generator=noise),
        "timesteps": torch.tensor([10, 900])[:count],
        "text": torch.randn(count, words, WIDTH, generator=noise),
        "text_mask": torch.ones(count, words, dtype=torch.bool),
        "phrases": torch.randn(count, boxes, WIDTH, generator=noise),
        "boxes": placed,
        "box_mask": torch.ones(count, boxes, dtype=torch.bool),
    }


def v_of(network: LayoutTransformer, given: dict[str, Tensor], **changed: Any) -> Tensor:
    with torch.no_grad():
        predicted: Tensor = network(**{**given, **changed})
    return predicted


def test_masked_words_and_boxes_have_no_influence(network: LayoutTransformer) -> None:
    given = inputs()
    given["text_mask"][:, 2:] = False
    given["box_mask"][:, 1] = False
    text, phrases, boxes = (given[name].clone() for name in ("text", "phrases", "boxes"))
    text[:, 2:], phrases[:, 1], boxes[:, 1] = 30.0, -30.0, torch.tensor([0.1, 0.1, 0.9, 0.9])
    assert torch.equal(v_of(network, given, text=text, phrases=phrases, boxes=boxes), v_of(network, given))


@pytest.mark.parametrize("name", ["text", "phrases", "boxes"])
def test_open_words_and_boxes_have_influence(network: LayoutTransformer, name: str) -> None:
    given = inputs()
    changed = given[name].clone()
    changed[:, 1] = changed[:, 1] * 0.5
    assert (v_of(network, given, **{name: changed}) - v_of(network, given)).abs().max() > 1e-3


def test_the_timestep_has_influence(network: LayoutTransformer) -> None:
    given = inputs()
    assert (
        v_of(network, given, timesteps=torch.tensor([500, 500])) - v_of(network, given)
    ).abs().max() > 1e-3


def test_no_layout_equals_a_layout_all_masked(network: LayoutTransformer) -> None:
    given = inputs()
    closed = torch.zeros_like(given["box_mask"])
    first = {name: given[name][:, :1] for name in ("phrases", "boxes", "box_mask")}
    first["box_mask"] = torch.zeros_like(first["box_mask"])
    torch.testing.assert_close(v_of(network, given, box_mask=closed), v_of(network, given, **first))


def test_pictures_of_a_batch_do_not_mix(network: LayoutTransformer) -> None:
    given = inputs()
    alone = v_of(network, {name: value[:1] for name, value in given.items()})
    torch.testing.assert_close(v_of(network, given)[:1], alone, atol=1e-5, rtol=1e-5)


def told(network: LayoutTransformer, given: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        centers = _centers(GRID // 2, GRID // 2, torch.device("cpu"))
        return network.ground(given["phrases"], given["boxes"], given["box_mask"], centers, HALF)


def test_a_patch_outside_every_box_is_told_of_the_background_only(network: LayoutTransformer) -> None:
    given = inputs(boxes=2, count=1)
    given["boxes"][0, 1] = torch.tensor([0.55, 0.0, 1.0, 0.45])
    patches = told(network, given)[0].view(GRID // 2, GRID // 2, WIDTH)
    bare = told(network, {name: given[name][:, :1] for name in ("phrases", "boxes", "box_mask")})[0]
    bare = bare.view(GRID // 2, GRID // 2, WIDTH)
    torch.testing.assert_close(patches[2:], bare[2:])
    torch.testing.assert_close(patches[:, :2], bare[:, :2])
    assert ((patches[:2, 2:] - bare[:2, 2:]).abs().amax(-1) > 1e-3).all()


def test_only_the_nearest_slots_reach_a_patch(network: LayoutTransformer) -> None:
    given = inputs(boxes=SLOTS + 3, count=1)
    given["boxes"][0, 1:] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    phrases = given["phrases"].clone()
    phrases[0, 1:3] += 5.0  # the two farthest of SLOTS + 2 things
    assert torch.equal(told(network, {**given, "phrases": phrases}), told(network, given))
    phrases[0, 3] += 5.0
    assert (told(network, {**given, "phrases": phrases}) - told(network, given)).abs().max() > 1e-3


def test_order_is_depth(network: LayoutTransformer) -> None:
    """Two things in one box: swapping them swaps near and far, and the patches are told so."""
    given = inputs(boxes=3, count=1)
    given["boxes"][0, 1:] = torch.tensor([0.2, 0.2, 0.8, 0.8])
    swapped = given["phrases"][:, [0, 2, 1]]
    assert (told(network, {**given, "phrases": swapped}) - told(network, given)).abs().max() > 1e-3


@pytest.mark.parametrize("seed", range(6))
def test_nearest_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, things = 2, int(rng.integers(1, 7))
    corners = rng.uniform(-0.1, 0.9, (count, things, 2))
    boxes = torch.from_numpy(
        np.concatenate([corners, corners + rng.uniform(0, 0.6, corners.shape)], -1)
    ).float()
    mask = torch.from_numpy(rng.random((count, things)) < 0.7)
    centers = _centers(3, 4, torch.device("cpu"))
    half = (1 / 8, 1 / 6)
    chosen, found = _nearest(boxes, mask, centers, half)
    for n in range(count):
        for patch, (x, y) in enumerate(centers.tolist()):
            touching = [
                i
                for i in range(things - 1, 0, -1)
                if mask[n, i]
                and boxes[n, i, 0] - half[0] < x < boxes[n, i, 2] + half[0]
                and boxes[n, i, 1] - half[1] < y < boxes[n, i, 3] + half[1]
            ]
            expected = [*touching[:SLOTS], *([0] if mask[n, 0] else [])]
            assert chosen[n, patch][found[n, patch]].tolist() == expected
            assert found[n, patch, SLOTS] == mask[n, 0]


def test_centers_are_x_then_y_row_by_row() -> None:
    centers = _centers(2, 4, torch.device("cpu")).tolist()
    assert centers[:3] == [[0.125, 0.25], [0.375, 0.25], [0.625, 0.25]]
    assert centers[-1] == [0.875, 0.75]


def test_fourier_by_hand() -> None:
    features = fourier(torch.tensor([[0.5]]))[0].tolist()
    angles = [math.pi * 0.5 * 2**octave for octave in range(FREQUENCIES)]
    expected = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
    assert features == pytest.approx(expected, abs=1e-5)


def test_timestep_features_by_hand() -> None:
    features = timestep_features(torch.tensor([0, 250]), 4)
    slow = 250 * 10_000**-0.5
    assert features[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    expected = [math.cos(250), math.cos(slow), math.sin(250), math.sin(slow)]
    assert features[1].tolist() == pytest.approx(expected, abs=1e-4)


def test_other_sizes_of_latent_pass(network: LayoutTransformer) -> None:
    given = inputs(count=1)
    wide = torch.randn(1, CHANNELS, 4, 12)
    assert v_of(network, given, latents=wide).shape == wide.shape
    mirrored = v_of(network, given, latents=wide.flip(-1))
    assert (mirrored.flip(-1) - v_of(network, given, latents=wide)).abs().max() > 1e-3


def test_the_fine_head_changes_nothing_at_first_and_sees_the_cells_around_later() -> None:
    head = FineHead(8, 4)
    tokens, latents = torch.randn(1, 16, 8), torch.randn(1, 4, 8, 8)
    assert not head(tokens, latents).any()
    torch.nn.init.normal_(head.convolutions[-1].weight)
    changed = latents.clone()
    changed[..., 3, 3] += 1.0
    moved = (head(tokens, changed) - head(tokens, latents)).abs().sum((0, 1)) > 0
    assert moved[3, 4], "a neighbour in another patch"
    assert not moved[3 + 5 :].any(), "four convolutions reach four cells"
