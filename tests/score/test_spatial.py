"""Every rule of the geometry on boxes whose outcome can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.records import Box
from tasvir.score.spatial import relation_2d, relation_3d, to_pixels, upstream_2d, upstream_3d

LEFT, RIGHT = Box(0, 100, 100, 200), Box(300, 100, 400, 200)
HIGH, LOW = Box(100, 0, 200, 100), Box(100, 300, 200, 400)


def test_the_short_side_becomes_480_pixels() -> None:
    assert to_pixels(Box(0.5, 0.5, 1, 1), (200, 100)) == Box(480, 240, 960, 480)
    assert to_pixels(Box(0.25, 0, 0.5, 1), (64, 128)) == Box(120, 0, 240, 960)


@pytest.mark.parametrize(
    ("words", "name", "a", "b"),
    [
        ("on the left of", "left of", LEFT, RIGHT),
        ("on the right of", "right of", RIGHT, LEFT),
        ("on the top of", "above", HIGH, LOW),
        ("on the bottom of", "below", LOW, HIGH),
    ],
)
class TestDirections:
    def test_right_way_round_is_1_and_the_other_0(self, words: str, name: str, a: Box, b: Box) -> None:
        assert (upstream_2d(words, a, b), upstream_2d(words, b, a)) == (1, 0)
        assert (relation_2d(name, a, b), relation_2d(name, b, a)) == (1, 0)

    def test_the_step_along_must_exceed_the_step_across(self, words: str, name: str, a: Box, b: Box) -> None:
        turned = [Box(box.y0, box.x0, box.y1, box.x1) for box in (a, b)]  # the step lies on the other axis
        assert upstream_2d(words, *turned) == relation_2d(name, *turned) == 0


def test_equal_steps_on_both_axes_are_no_direction() -> None:
    a, b = Box(0, 0, 10, 10), Box(100, 100, 110, 110)
    assert upstream_2d("on the left of", a, b) == upstream_2d("on the top of", a, b) == 0


def test_overlap_counts_down_from_a_tenth() -> None:
    a, b = Box(0, 0, 150, 100), Box(100, 0, 250, 100)  # 5000 shared of 25000: a fifth
    assert upstream_2d("on the left of", a, b) == pytest.approx(0.5)
    assert relation_2d("left of", a, b) == pytest.approx(0.5)


class TestNextTo:
    def test_upstream_is_content_with_one_near_axis(self) -> None:
        a, b = Box(0, 0, 20, 20), Box(440, 0, 460, 20)  # opposite ends of one row
        assert upstream_2d("next to", a, b) == 1
        # ours: a gap of 420 against 0.15 of 480
        assert relation_2d("next to", a, b) == pytest.approx(72 / 420)

    def test_upstream_fades_with_the_greater_step(self) -> None:
        a, b = Box(0, 0, 20, 20), Box(300, 200, 320, 220)
        assert upstream_2d("near", a, b) == upstream_2d("on side of", a, b) == pytest.approx(150 / 300)

    def test_near_is_any_way_and_next_to_is_beside(self) -> None:
        a, b = Box(100, 0, 200, 100), Box(100, 130, 200, 230)
        assert relation_2d("near", a, b) == 1
        assert relation_2d("next to", a, b) == 0
        assert relation_2d("next to", LEFT, Box(150, 100, 250, 200)) == 1

    def test_the_gap_is_measured_between_corners(self) -> None:
        a, b = Box(0, 0, 10, 10), Box(130, 170, 140, 180)  # 120 and 160: 200
        assert relation_2d("near", a, b) == pytest.approx(72 / 200)

    def test_one_in_the_other_is_not_next_to_it(self) -> None:
        assert relation_2d("next to", Box(0, 0, 100, 100), Box(10, 0, 100, 100)) == pytest.approx(0.1 / 0.9)


class TestOn:
    CAT, CHAIR = Box(120, 60, 180, 140), Box(100, 100, 200, 300)

    def test_upstream_has_no_rule_for_on_top_of(self) -> None:
        assert upstream_2d("on top of", self.CAT, self.CHAIR) == 0

    def test_ours_has_and_forgives_overlap(self) -> None:
        assert self.CAT.iou(self.CHAIR) > 0.1
        assert relation_2d("on", self.CAT, self.CHAIR) == 1
        assert relation_2d("on", self.CHAIR, self.CAT) == 0
        assert relation_2d("under", self.CHAIR, self.CAT) == 1

    def test_beside_is_not_on(self) -> None:
        assert relation_2d("on", Box(300, 60, 360, 140), self.CHAIR) == 0


class TestDepth:
    """The left half of the map is near. a lies mostly there, b mostly in the far half; both in one band."""

    DEPTH = np.repeat([[1.0] * 50 + [0.0] * 50], 100, axis=0).astype(np.float32)
    A, B = Box(0, 40, 60, 60), Box(40, 40, 100, 60)  # 400 shared of 2000: a fifth

    def test_ours_reads_what_either_has_alone(self) -> None:
        assert relation_3d("in front of", self.A, self.B, self.DEPTH) == 1
        assert relation_3d("behind", self.A, self.B, self.DEPTH) == 0
        assert relation_3d("behind", self.B, self.A, self.DEPTH) == 1

    def test_upstream_swaps_x_and_y(self) -> None:
        # rows 0..60, columns 40..60 and rows 40..100, columns 40..60 are alike: no order, no score
        assert upstream_3d("in front of", self.A, self.B, 255 * self.DEPTH) == 0
        # turned by the diagonal, the map is right for the swapped reading; overlap of 1/5 out of 1/2
        turned = np.ascontiguousarray(255 * self.DEPTH.T)
        assert upstream_3d("in front of", self.A, self.B, turned) == pytest.approx(0.4)
        assert upstream_3d("hidden", self.B, self.A, turned) == pytest.approx(0.4)
        assert upstream_3d("behind", self.A, self.B, turned) == 0

    def test_upstream_wants_boxes_that_meet(self) -> None:
        square = np.array(np.add.outer(np.arange(100), np.arange(100)), np.float32)  # nearer down and right
        far, near = Box(0, 0, 20, 20), Box(50, 50, 90, 90)
        assert upstream_3d("in front of", near, far, square) == 0
        assert relation_3d("in front of", near, far, square) == 1
        assert upstream_3d("in front of", Box(5, 5, 30, 30), Box(0, 0, 30, 30), square) == 1  # 25^2 of 30^2

    def test_upstream_gives_nothing_for_an_overlap_of_exactly_a_half(self) -> None:
        ramp = np.array(np.add.outer(np.arange(100), np.arange(100)), np.float32)
        a, b = Box(10, 0, 40, 10), Box(0, 0, 30, 10)  # 200 shared of 400
        assert a.iou(b) == 0.5
        assert upstream_3d("in front of", a, b, ramp) == 0

    def test_hidden_asks_for_something_that_hides(self) -> None:
        assert relation_3d("hidden by", self.B, self.A, self.DEPTH) == 1
        apart = Box(0, 0, 20, 20), Box(70, 0, 90, 20)
        assert relation_3d("behind", apart[1], apart[0], self.DEPTH) == 1
        assert relation_3d("hidden by", apart[1], apart[0], self.DEPTH) == 0

    def test_equal_depth_is_no_order(self) -> None:
        flat = np.zeros((100, 100), np.float32)
        assert relation_3d("in front of", self.A, self.B, flat) == 0
        assert relation_3d("behind", self.A, self.B, flat) == 0

    def test_a_thing_inside_another_is_read_whole(self) -> None:
        depth = np.zeros((100, 100), np.float32)
        depth[40:60, 40:60] = 1
        assert relation_3d("in front of", Box(40, 40, 60, 60), Box(0, 0, 100, 100), depth) == 1

    def test_boxes_at_the_edge_have_a_pixel(self) -> None:
        assert relation_3d("behind", Box(99.9, 99.9, 100, 100), Box(0, 0, 10, 10), self.DEPTH) == 1
        assert upstream_3d("behind", Box(99.9, 99.9, 100, 100), Box(99, 99, 100, 100), self.DEPTH) == 0
