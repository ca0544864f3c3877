"""Rendering against compositing by hand: what lies over what, mirrored, cut at the edge, in which colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tasvir.errors import UnknownNameError
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.render import background, render, sprite
from tasvir.world.scene import BACKGROUNDS, Placed, Scene

BALL = Placed("ball", (0.125, 0.125, 0.625, 0.625), "red")
BOX = Placed("box", (0.375, 0.25, 0.875, 0.75), "blue")
Pixels = NDArray[np.uint8]


def alone(thing: Placed, side: int) -> Pixels:
    return sprite(thing.kind, thing.pose, thing.color, thing.surface, thing.facing, side, side)


def over(canvas: NDArray[np.float64], drawn: Pixels, x: int, y: int) -> None:
    """Premultiplied "over" in floating point: c = s + (1 - a) c (Porter & Duff 1984), in whole steps."""
    part = canvas[y : y + drawn.shape[0], x : x + drawn.shape[1]]
    part[...] = drawn[..., :3] + np.rint(part * (1 - drawn[..., 3:] / 255))


def test_two_things_that_overlap_by_hand() -> None:
    canvas = background("park", 64, 64).astype(float)
    over(canvas, alone(BALL, 32), 8, 8)
    over(canvas, alone(BOX, 32), 24, 16)
    assert np.array_equal(render(Scene((BALL, BOX), background="park"), (64, 64)), canvas)


def test_the_last_thing_is_the_nearest() -> None:
    y, x = 24, 32  # within both boxes
    far, near = (alone(thing, 32) for thing in (BALL, BOX))
    assert far[y - 8, x - 8, 3] == near[y - 16, x - 24, 3] == 255
    front = render(Scene((BALL, BOX)), (64, 64))[y, x]
    back = render(Scene((BOX, BALL)), (64, 64))[y, x]
    assert np.array_equal(front, near[y - 16, x - 24, :3])
    assert np.array_equal(back, far[y - 8, x - 8, :3])


def test_facing_left_is_the_mirror_of_facing_right() -> None:
    right = sprite("dog", None, "brown", "plain", "right", 40, 30)
    left = sprite("dog", None, "brown", "plain", "left", 40, 30)
    assert np.array_equal(left, right[:, ::-1])
    assert not np.array_equal(left, right)


def test_what_leaves_the_picture_is_cut() -> None:
    shown = render(Scene((replace(BALL, box=(-0.25, 0.625, 0.25, 1.125)),)), (64, 64))
    expected = background("plain", 64, 64).astype(float)
    over(expected, alone(BALL, 32)[:24, 16:], 0, 40)
    assert np.array_equal(shown, expected)
    for gone in ((1.5, 0.1, 2.0, 0.6), (0.1, -2.0, 0.6, -1.5), (0.5, 0.5, 0.5, 0.9)):
        assert np.array_equal(
            render(Scene((replace(BALL, box=gone),)), (64, 64)), background("plain", 64, 64)
        )


def test_no_colour_exceeds_its_alpha() -> None:
    """Premultiplied: 0 <= colour <= alpha, for every drawing; else compositing would overflow."""
    for kind in catalogue().values():
        for pose in kind.poses or (None,):
            drawn = sprite(kind.name, pose, "white", "plain", None, 13, 17)
            assert (drawn[..., :3] <= drawn[..., 3:]).all(), kind.name
            assert drawn[..., 3].max() == 255 and drawn[..., 3].min() < 255, kind.name


def hex_of(pixel: NDArray[np.uint8]) -> str:
    return "#" + "".join(f"{value:02x}" for value in pixel)


@pytest.mark.parametrize("color", list(palette()))
def test_a_plain_thing_is_mostly_of_its_colour(color: str) -> None:
    drawn = sprite("box", None, color, "plain", None, 96, 96)
    opaque = drawn[drawn[..., 3] == 255][:, :3]
    colors, counts = np.unique(opaque, axis=0, return_counts=True)
    shades = palette()[color]
    assert hex_of(colors[counts.argmax()]) in (shades.main, shades.light, shades.dark)
    assert shades.main in {hex_of(value) for value in colors}


@pytest.mark.parametrize(("color", "ink"), [("red", "#ffffff"), ("white", palette()["white"].dark)])
@pytest.mark.parametrize("surface", ["striped", "dotted"])
def test_a_surface_is_the_colour_and_an_ink(color: str, ink: str, surface: str) -> None:
    plain, drawn = (sprite("ball", None, color, kind, None, 96, 96) for kind in ("plain", surface))
    lost = plain[..., 3].astype(int) - drawn[..., 3]
    assert lost.min() >= -1 and lost.max() < 80 and lost.mean() < 3  # seams of turned tiles are a bit thin
    found = {hex_of(value) for value in drawn[drawn[..., 3] == 255][:, :3]}
    assert {ink, palette()[color].main} <= found
    changed = (plain != drawn).any(-1).mean()
    assert 0.05 < changed < 0.6


def test_sizes_are_width_then_height() -> None:
    assert render(Scene((BALL,)), (48, 32)).shape == (32, 48, 3)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_an_odd_seed_mirrors_the_backdrop(name: str) -> None:
    even, odd = (render(Scene((), background=name, seed=seed), (40, 40)) for seed in (4, 7))
    assert np.array_equal(odd, even[:, ::-1])


def test_backdrops_differ_and_are_quieter_than_things() -> None:
    drawn = [background(name, 32, 32) for name in BACKGROUNDS]
    for index, one in enumerate(drawn):
        assert all((one != other).any() for other in drawn[:index])
        assert one.mean() > 150


def test_what_is_kept_cannot_be_spoiled() -> None:
    """Both are handed out of a cache."""
    for pixels in (background("park", 20, 20), alone(BALL, 20)):
        with pytest.raises(ValueError, match="read-only"):
            pixels[0, 0] = 0
    canvas = render(Scene(()), (20, 20))
    canvas[...] = 0
    assert render(Scene(()), (20, 20)).any()


@pytest.mark.parametrize(
    ("scene", "word"),
    [
        (Scene((replace(BALL, kind="unicorn"),)), "unicorn"),
        (Scene((replace(BALL, pose="walking"),)), "ball-walking"),
        (Scene((replace(BALL, color="teal"),)), "teal"),
        (Scene((replace(BALL, surface="checked"),)), "checked"),
        (Scene((), background="moon"), "moon"),
    ],
)
def test_unknown_names_are_told(scene: Scene, word: str) -> None:
    with pytest.raises(UnknownNameError, match=word):
        render(scene)
