"""Peaks to things, by hand-made heat maps."""

import numpy as np
import pytest

from tasvir.models.embedded.recogniser_labels import CELL_WIDTH, COLORS, FIELDS, KINDS
from tasvir.models.embedded.recogniser_peaks import Detection, find_things, iou, to_placed
from tasvir.world.scene import POSES, Placed


def blank() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((1, len(KINDS), 32, 32), np.float32), np.zeros((1, CELL_WIDTH, 32, 32), np.float32)


def put(
    heat: np.ndarray,
    cells: np.ndarray,
    kind: str,
    cell: tuple[int, int],
    score: float,
    box: tuple[float, float, float, float],
    near: float = 0.0,
    **labels: int,
) -> None:
    y, x = cell
    heat[0, KINDS.index(kind), y, x] = score
    cx, cy = (x + 0.5) / 32, (y + 0.5) / 32
    cells[0, FIELDS["box"], y, x] = [cx - box[0], cy - box[1], box[2] - cx, box[3] - cy]
    cells[0, FIELDS["near"], y, x] = near
    for name, index in labels.items():
        cells[0, FIELDS[name], y, x][index] = 5.0


def test_a_peak_becomes_the_thing_that_its_cell_describes() -> None:
    heat, cells = blank()
    labels = {"color": COLORS.index("blue"), "facing": 0, "pose": POSES.index("sitting")}
    put(heat, cells, "man", (16, 8), 0.9, (0.1, 0.2, 0.4, 0.8), **labels)
    (found,) = find_things(heat, cells, 0.5)
    assert len(found) == 1
    thing = found[0].thing
    assert (thing.kind, thing.color, thing.pose, thing.facing) == ("man", "blue", "sitting", "left")
    assert thing.box == pytest.approx((0.1, 0.2, 0.4, 0.8), abs=1e-3)
    assert find_things(heat, cells, 0.95) == [()]


def test_warm_neighbours_vote_by_their_heat() -> None:
    heat, cells = blank()
    put(heat, cells, "apple", (16, 16), 0.6, (0.40, 0.4, 0.6, 0.6))
    put(heat, cells, "apple", (16, 17), 0.3, (0.43, 0.4, 0.6, 0.6))
    put(heat, cells, "apple", (16, 15), 0.3, (0.00, 0.0, 1.0, 1.0))  # another box: no vote
    (found,) = find_things(heat, cells, 0.1)
    assert len(found) == 1
    assert found[0].thing.box[0] == pytest.approx((0.6 * 0.40 + 0.3 * 0.43) / 0.9, abs=1e-3)


def test_a_rider_and_the_horse_survive_but_two_claims_to_one_box_do_not() -> None:
    heat, cells = blank()
    put(heat, cells, "horse", (22, 16), 0.8, (0.3, 0.5, 0.7, 0.9))
    put(heat, cells, "woman", (13, 16), 0.7, (0.4, 0.2, 0.6, 0.7))
    put(heat, cells, "cow", (22, 12), 0.5, (0.31, 0.5, 0.7, 0.9))
    (found,) = find_things(heat, cells, 0.3)
    assert [one.thing.kind for one in found] == ["horse", "woman"]


def test_depth_order_is_farthest_first() -> None:
    far, near = (
        Detection(Placed(kind, (0, 0, 1, 1), "red"), 0.5, depth) for kind, depth in (("ball", -1), ("cat", 2))
    )
    assert [thing.kind for thing in to_placed([near, far])] == ["ball", "cat"]


def test_iou_by_hand() -> None:
    assert iou((0, 0, 2, 1), (1, 0, 3, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0.0
