"""Framing enlarges and centres without breaking what holds."""

from __future__ import annotations

import numpy as np
import pytest

from tasvir.guide.embedded.framing import FILL, frame
from tasvir.guide.embedded.parts import LARGEST, Part, links_of, parts_of
from tasvir.guide.embedded.solving import SAFE, Solver
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.scene import Placed


def _solver(parts: list[Part], links: list[tuple[str, int, int]]) -> Solver:
    return Solver(parts, links, np.random.default_rng(0))


def test_a_lone_thing_in_a_corner_grows_and_comes_to_the_middle() -> None:
    part = Part(0, Placed("ball", (0.0, 0.0, 0.18, 0.18), "red"))
    frame([part], _solver([part], []))
    x0, y0, x1, y1 = part.box
    assert (x0 + x1) / 2 == pytest.approx(0.5)
    assert y1 - y0 == pytest.approx(LARGEST * 0.18)
    assert x1 - x0 == pytest.approx(LARGEST * 0.18)


def test_a_stated_size_is_not_exceeded() -> None:
    description = Description((Entity("ball", size="small"),), ())
    parts = parts_of(description, np.random.default_rng(0))
    frame(parts, _solver(parts, []))
    assert parts[0].scale <= parts[0].high + 1e-9


def test_frozen_things_stay_where_they_are() -> None:
    part = Part(0, Placed("ball", (0.0, 0.0, 0.18, 0.18), "red"), frozen=True)
    frame([part], _solver([part], []))
    assert part.box == (0.0, 0.0, 0.18, 0.18)


def test_relations_do_not_suffer_and_everything_stays_inside() -> None:
    description = Description((Entity("dog"), Entity("car")), (Claim("left of", 0, 1),))
    dog = Placed("dog", (0.0, 0.7, 0.3125, 0.95), "brown", facing="right")
    car = Placed("car", (0.45, 0.68, 0.963, 0.95), "red", facing="right")
    parts = [Part(0, dog), Part(1, car)]
    solver = _solver(parts, links_of(description, parts))
    before = solver.problem()
    frame(parts, solver)
    assert solver.problem() <= max(before, SAFE)
    assert all(part.box[0] >= 0 and part.box[2] <= 1 and part.box[3] <= 1 for part in parts)
    assert parts[1].box[2] - parts[0].box[0] <= max(FILL, 0.963) + 1e-9
    assert (parts[1].box[2] + parts[0].box[0]) / 2 == pytest.approx(0.5)
