"""Maps from layouts, pixel by pixel where that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.models.control.maps import _table, class_of, depth_map, segmentation_map
from tasvir.records import Box, Layout, Thing

FAR, MIDDLE, NEAR = Box(0, 0, 0.5, 0.5), Box(0.25, 0.25, 0.75, 0.75), Box(0.5, 0.5, 1, 1)
THREE = Layout((Thing("a house", FAR), Thing("a red car", MIDDLE), Thing("two dogs", NEAR)), "a park")


def test_near_is_bright_and_covers_what_is_far() -> None:
    """By hand, 8 x 8: brightness 120, 188 (187.5, even), 255 from far to near; the ground brightens down."""
    pixels = np.asarray(depth_map(THREE, (8, 8)))
    assert pixels.shape == (8, 8, 3) and np.all(pixels == pixels[:, :, :1])
    grey = pixels[:, :, 0].astype(int)
    assert grey[0].tolist() == [120, 120, 120, 120, 0, 0, 0, 0]
    assert grey[3].tolist() == [120, 120, 188, 188, 188, 188, 39, 39]  # 90 * 3 / 7
    assert grey[7].tolist() == [90, 90, 90, 90, 255, 255, 255, 255]
    assert grey[5].tolist() == [64, 64, 188, 188, 255, 255, 255, 255]  # 90 * 5 / 7


def test_one_thing_is_nearest_and_none_leaves_the_ground() -> None:
    assert np.asarray(depth_map(Layout((Thing("a dog", FAR),)), (4, 4)))[0, 0, 0] == 255
    assert np.asarray(depth_map(Layout(), (2, 3)))[:, 0, 0].tolist() == [0, 45, 90]


def test_classes_have_the_colours_of_ade20k() -> None:
    """House, car, animal on grass (a park), as in the palette that ControlNets were trained with."""
    pixels = np.asarray(segmentation_map(THREE, (8, 4)))
    assert pixels.shape == (4, 8, 3)
    house, car, animal, grass = [255, 9, 224], [0, 102, 200], [255, 0, 122], [4, 250, 7]
    assert pixels[0].tolist() == [house] * 4 + [grass] * 4
    assert pixels[1].tolist() == [house] * 2 + [car] * 4 + [grass] * 2
    assert pixels[2].tolist() == [grass] * 2 + [car] * 2 + [animal] * 4
    assert pixels[3].tolist() == [grass] * 4 + [animal] * 4


def test_unknown_phrases_have_colours_of_their_own() -> None:
    things = [Thing(phrase, box) for phrase, box in (("a zorb", FAR), ("a quux", NEAR), ("a zorb", MIDDLE))]
    pixels = np.asarray(segmentation_map(Layout(tuple(things), "nowhere"), (8, 8)))
    zorb, quux = tuple(pixels[0, 0].tolist()), tuple(pixels[7, 7].tolist())
    assert tuple(pixels[5, 5].tolist()) == zorb != quux
    assert tuple(pixels[0, 7].tolist()) == (0, 0, 0)
    assert not {zorb, quux} & {(0, 0, 0), *_table()[0].values()}


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("a red car", "car"),
        ("a Car with a flag", "car"),
        ("wooden table lamps", "lamp"),
        ("three buses", "bus"),
        ("a man in a blue boat", "person"),
        ("a puppy", "animal"),
        ("a cup of tea", "glass"),
        ("a zorb near a house", None),
        ("", None),
    ],
)
def test_the_head_noun_tells_the_class(phrase: str, name: str | None) -> None:
    assert class_of(phrase) == name


def test_the_table_is_sound() -> None:
    colors, words = _table()
    assert set(words.values()) <= colors.keys() and not words.keys() & colors.keys()
    assert len(set(colors.values())) == len(colors)


def test_a_sliver_is_still_a_pixel() -> None:
    sliver = Layout((Thing("a car", Box(0.999, 0.999, 1, 1)),))
    assert np.asarray(segmentation_map(sliver, (8, 8)))[7, 7].tolist() == [0, 102, 200]
    assert np.asarray(depth_map(sliver, (8, 8)))[7, 7, 0] == 255
