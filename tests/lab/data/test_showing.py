"""Samples as pictures: where each pixel and each point ends up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tasvir.errors import SettingError
from tasvir.lab.data.showing import CELLS, can_be_shown, pictured


def test_pictures_stand_row_by_row_with_a_line_between() -> None:
    x = torch.full((5, 1, 50, 60), -1.0)
    x[4, 0, 0, 0] = 1.0
    shown = np.asarray(pictured(x))
    assert shown.shape == (2 * 51 + 1, 3 * 61 + 1)
    assert shown[0, 0] == 128 and shown[1, 1] == 0 and shown[52, 1 + 61] == 255
    assert shown[-2, -2] == 128, "a sixth place is empty"


def test_small_pictures_are_enlarged_and_colours_kept() -> None:
    x = torch.tensor([1.0, -1.0, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 8, 8)
    shown = np.asarray(pictured(x))
    assert shown.shape == (60, 60, 3) and shown[30, 30].tolist() == [255, 0, 128]


def test_points_are_dark_where_they_are_dense_and_y_goes_up() -> None:
    x = torch.tensor([[2.9, 2.9]] * 9 + [[-2.9, -2.9]] + [[99.0, 0.0]])
    shown = np.asarray(pictured(x))
    assert shown.shape == (2 * CELLS, 2 * CELLS)
    assert shown[5, -6] == 0 and 0 < shown[-6, 5] < 255 and shown[CELLS, CELLS] == 255


def test_what_has_no_picture_says_so() -> None:
    assert can_be_shown("points", (2,)) and not can_be_shown("points", (4,))
    assert can_be_shown("images", (1, 8, 8)) and not can_be_shown("images", (2, 8, 8))
    assert not can_be_shown("tokens", (2,)), "two tokens are no point of the plane"
    with pytest.raises(SettingError, match="have no picture"):
        pictured(torch.zeros(4, 4))
