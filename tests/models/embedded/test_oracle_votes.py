"""Votes to things: perfect votes give the scene back, and depth is read where it can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.models.embedded.oracle_votes import (
    LEAST_CELLS,
    Votes,
    coverage,
    depth_order,
    group_cells,
    overlaps,
    things_from_votes,
    weighted_median,
)
from tasvir.models.embedded.training.oracle_data import IGNORED, label
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.scene import Placed, Scene

GRID = 32
KINDS = tuple(catalogue())
COLORS = tuple(palette())


def perfect_votes(scene: Scene) -> Votes:
    """What a network without error would say of a scene."""
    labels = label([scene])
    kind = labels.classes["kind"][0]
    rows, columns = np.nonzero(kind > 0)
    edges = labels.edges[0][:, rows, columns].T.astype(float)
    x, y = (columns + 0.5) / GRID, (rows + 0.5) / GRID
    boxes = np.stack([x - edges[:, 0], y - edges[:, 1], x + edges[:, 2], y + edges[:, 3]], 1)

    def certain(values: np.ndarray, classes: int) -> np.ndarray:
        return np.eye(classes)[np.where(values == IGNORED, 0, values)]

    sizes = {"color": len(COLORS), "surface": 3, "pose": 5, "facing": 2}
    attributes = {name: certain(labels.classes[name][0][rows, columns], n) for name, n in sizes.items()}
    kinds = certain(kind[rows, columns] - 1, len(KINDS))
    cells = np.stack([rows, columns], 1)
    return Votes(cells, boxes, np.ones(len(rows)), kinds, attributes, KINDS, COLORS, GRID)


MAN = Placed("man", (0.20, 0.30, 0.48, 0.80), "blue", "plain", "walking", "left")
DOG = Placed("dog", (0.55, 0.55, 0.86, 0.80), "brown", "plain", None, "right")
BALLS = tuple(Placed("ball", (x, 0.1, x + 0.18, 0.28), "red", "striped") for x in (0.05, 0.24, 0.60))


@pytest.mark.parametrize("things", [(MAN,), (MAN, DOG), BALLS, (*BALLS, MAN, DOG), ()])
def test_perfect_votes_give_the_scene_back(things: tuple[Placed, ...]) -> None:
    found = things_from_votes(perfect_votes(Scene(things, background="park")))

    def plain(thing: Placed) -> tuple[object, ...]:
        rounded = tuple(round(edge, 3) for edge in thing.box)
        return (thing.kind, rounded, thing.color, thing.surface, thing.pose or "", thing.facing or "")

    assert sorted(map(plain, found)) == sorted(map(plain, things))


@pytest.mark.parametrize("near_last", [True, False])
def test_who_is_seen_in_the_shared_place_is_nearer_whatever_its_base(near_last: bool) -> None:
    house = Placed("house", (0.2, 0.2, 0.8, 0.7), "red")
    elephant = Placed("elephant", (0.3, 0.4, 0.75, 0.73), "purple", "plain", None, "left")
    things = (house, elephant) if near_last else (elephant, house)
    found = things_from_votes(perfect_votes(Scene(things)))
    assert [thing.kind for thing in found] == [thing.kind for thing in things]


def test_unseen_depth_follows_the_lower_base_and_yields_to_a_relation() -> None:
    nothing_seen = np.full((GRID, GRID), -1)
    high = Placed("ball", (0.40, 0.30, 0.58, 0.48), "red")
    low = Placed("ball", (0.50, 0.40, 0.68, 0.58), "red")
    assert depth_order([low, high], nothing_seen) == [1, 0]
    holder = Placed("woman", (0.2, 0.2, 0.5, 0.8), "red", "plain", "reaching", "right")
    cup = Placed("cup", (0.45, 0.38, 0.62, 0.55), "white")
    assert depth_order([cup, holder], nothing_seen) == [1, 0]


def test_a_cycle_of_depths_still_gives_every_thing_once() -> None:
    corners = [(0.1, 0.1, 0.5, 0.5), (0.3, 0.3, 0.7, 0.7), (0.15, 0.35, 0.55, 0.75)]
    boxes = [Placed("box", box, "brown") for box in corners]
    drawn = [coverage(thing, GRID) >= 0.4 for thing in boxes]
    owner = np.full((GRID, GRID), -1)
    for near, far in ((0, 1), (1, 2), (2, 0)):
        owner[drawn[near] & drawn[far]] = near
    assert sorted(depth_order(boxes, owner)) == [0, 1, 2]


def test_overlaps_by_hand() -> None:
    a = np.array([[0.0, 0.0, 0.4, 0.4]])
    b = np.array([[0.2, 0.0, 0.6, 0.4], [0.5, 0.5, 0.9, 0.9], [0.0, 0.0, 0.4, 0.4]])
    assert overlaps(a, b)[0] == pytest.approx([1 / 3, 0.0, 1.0])


def test_weighted_median_is_not_moved_by_light_outliers() -> None:
    values = np.array([[0.1], [0.2], [0.9]])
    assert weighted_median(values, np.array([1.0, 1.5, 1.0]))[0] == 0.2
    assert weighted_median(values, np.array([0.1, 0.1, 5.0]))[0] == 0.9


def test_a_few_stray_cells_are_no_thing() -> None:
    votes = perfect_votes(Scene((DOG,)))
    few = int(LEAST_CELLS)
    kept = slice(0, few)
    stray = Votes(
        votes.cells[kept],
        votes.boxes[kept],
        votes.trust[kept],
        votes.kinds[kept],
        {name: values[kept] for name, values in votes.attributes.items()},
        KINDS,
        COLORS,
        GRID,
    )
    assert group_cells(stray) == []
    assert [len(group) for group in group_cells(votes)] == [len(votes.trust)]
