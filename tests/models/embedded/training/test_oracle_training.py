"""The oracle's training data: labels are true, wear keeps them true, nothing held out is seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tasvir.models.embedded.training.oracle_data import GRID, draw_batch, label, scattered, visible_owner
from tasvir.models.embedded.training.oracle_wear import CLEAN, EFFECTS, shake, warp, wear
from tasvir.world.scene import Placed, Scene
from tasvir.world.splits import found_in

FAR = Placed("box", (0.0, 0.25, 0.5, 0.75), "brown")
NEAR = Placed("box", (0.25, 0.25, 0.75, 0.75), "red")


def test_a_cell_shows_the_nearer_thing() -> None:
    owner = visible_owner((FAR, NEAR))
    middle = GRID // 2
    assert owner[middle, GRID // 8] == 0
    assert owner[middle, GRID * 3 // 8] == 1
    assert owner[middle, GRID * 5 // 8] == 1
    assert owner[middle, GRID - 2] == -1
    assert visible_owner((NEAR, FAR))[middle, GRID * 3 // 8] == 1


def test_edges_lead_from_every_cell_to_the_amodal_box_also_where_it_is_hidden() -> None:
    labels = label([Scene((FAR, NEAR))])
    rows, columns = np.nonzero(visible_owner((FAR, NEAR)) == 0)
    edges = labels.edges[0][:, rows, columns]
    x, y = (columns + 0.5) / GRID, (rows + 0.5) / GRID
    found = np.stack([x - edges[0], y - edges[1], x + edges[2], y + edges[3]], 1)
    assert found == pytest.approx(np.tile(FAR.box, (len(rows), 1)), abs=1e-6)


def test_no_held_out_combination_is_ever_scattered() -> None:
    rng = np.random.default_rng(3)
    scenes = [scattered(rng) for _ in range(400)]
    assert not any(found_in(scene.things) for scene in scenes)
    edges = np.array([thing.box for scene in scenes for thing in scene.things])
    assert edges.min() >= 0 and edges.max() <= 1


def test_batches_are_repeatable_and_labels_belong_to_their_pictures() -> None:
    first, second = (draw_batch(np.random.default_rng(5), 3) for _ in range(2))
    assert (first[0] == second[0]).all()
    assert all((first[1].classes[name] == second[1].classes[name]).all() for name in first[1].classes)
    assert (first[1].classes["kind"] > 0).any()


def test_wear_is_repeatable_and_leaves_the_clean_share_untouched() -> None:
    pictures = torch.rand(400, 3, 16, 16) * 2 - 1
    worn = wear(pictures, seed=1)
    assert torch.equal(worn, wear(pictures, seed=1))
    same = (worn == pictures).flatten(1).all(1).float().mean()
    missed = float(np.prod([1 - chance for _, chance in EFFECTS]))
    assert float(same) == pytest.approx(CLEAN + (1 - CLEAN) * missed, abs=0.08)
    assert worn.abs().max() <= 1


def test_warp_moves_nothing_by_more_than_two_pixels() -> None:
    pictures = torch.zeros(8, 3, 128, 128)
    pictures[:, :, 60:68, 60:68] = 1
    noise = torch.Generator().manual_seed(0)
    for _ in range(4):
        moved = warp(pictures, noise)[:, 0]
        assert (moved[:, 63:65, 63:65] > 0.99).all()
        outside = moved.clone()
        outside[:, 57:71, 57:71] = 0
        assert outside.max() < 1e-5


def test_shake_adds_noise_of_zero_mean() -> None:
    noise = torch.Generator().manual_seed(0)
    change = shake(torch.zeros(32, 3, 64, 64), noise)
    assert abs(float(change.mean())) < 0.002
    assert 0.02 < float(change.std()) < 0.16
