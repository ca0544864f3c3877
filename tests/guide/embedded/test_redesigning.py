"""Redesign keeps what came out right, moves what did not, and never draws the same layout twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasvir.guide.embedded.grammar import read
from tasvir.guide.embedded.parts import placed_of
from tasvir.guide.embedded.planning import plan, revise
from tasvir.guide.embedded.redesigning import Sight, redesign, same
from tasvir.layout import check as check_rules
from tasvir.records import Box, Layout, Thing
from tasvir.world.description import check

DESCRIPTION = read("a red car and a brown dog and a green tree")
LAYOUT = Layout(
    (
        Thing("a green tree", Box(0.56, 0.05, 0.96, 0.55)),
        Thing("a red car facing right", Box(0.03, 0.68, 0.543, 0.95)),
        Thing("a brown dog facing right", Box(0.66, 0.74, 0.91, 0.94)),
    )
)
"""Everything is there, and there is room to grow."""
SEEN = tuple(placed_of(LAYOUT))


def _box_of(layout: Layout, kind: str) -> Box:
    return next(thing.box for thing in layout.things if kind in thing.phrase)


def test_aligned_pictures_need_no_redesign() -> None:
    assert redesign(DESCRIPTION, [Sight(SEEN, None, LAYOUT)], seed=0)[0] is None


def test_a_missing_thing_grows_and_the_others_stay() -> None:
    sight = Sight(tuple(p for p in SEEN if p.kind != "dog"), None, LAYOUT)
    layout, reason = redesign(DESCRIPTION, [sight], seed=0)
    assert layout is not None
    assert _box_of(layout, "car") == _box_of(LAYOUT, "car")
    assert _box_of(layout, "tree") == _box_of(LAYOUT, "tree")
    assert _box_of(layout, "dog").area > _box_of(LAYOUT, "dog").area
    assert "a dog" in reason


def test_the_best_attempt_is_the_base() -> None:
    """The second picture was worse: the car, which came out in the first, keeps its box of the first."""
    other = revise(DESCRIPTION, plan(DESCRIPTION, seed=8), seed=8)[0]
    first = Sight(tuple(p for p in SEEN if p.kind != "dog"), None, LAYOUT)
    layout, _ = redesign(DESCRIPTION, [first, Sight((), None, other)], seed=1)
    assert layout is not None
    assert _box_of(layout, "car") == _box_of(LAYOUT, "car")


@pytest.mark.parametrize(
    "prompt",
    [
        "a red car left of a dog",
        "a woman is holding an umbrella and a bus is behind her",
        "three blue balls and a cat on a table",
        "a dog in the park without cats",
    ],
)
def test_no_layout_comes_twice_and_each_is_right_by_geometry(prompt: str) -> None:
    description = read(prompt)
    layout = revise(description, plan(description, seed=0), seed=0)[0]
    sights: list[Sight] = []
    for k in range(5):
        sights.append(Sight(tuple(placed_of(layout))[1:], "room", layout))
        better, reason = redesign(description, sights, seed=k)
        assert better is not None
        assert not any(same(better, sight.layout) for sight in sights if sight.layout is not None)
        assert check(description, placed_of(better)).all_true
        assert len(reason.split()) <= 50
        layout = better


def test_a_failed_relation_has_both_sides_placed_anew() -> None:
    description = read("a red car left of a brown dog and a tree")
    layout = revise(description, plan(description, seed=2), seed=2)[0]
    seen = [replace(p, box=(0.0, 0.7, 0.3, 0.95)) if p.kind == "dog" else p for p in placed_of(layout)]
    better, _ = redesign(description, [Sight(tuple(seen), None, layout)], seed=0)
    assert better is not None
    assert _box_of(better, "tree") == _box_of(layout, "tree")
    assert _box_of(better, "car") != _box_of(layout, "car")
    assert _box_of(better, "dog") != _box_of(layout, "dog")


@pytest.mark.parametrize("seed", range(6))
def test_things_that_leave_no_room_to_grow_still_keep_the_layout_rules(seed: int) -> None:
    crowded = read("four elephants and a large bus")
    layout = revise(crowded, plan(crowded, seed), seed)[0]
    sights = [Sight((), None, layout)]
    for _ in range(4):
        better, _ = redesign(crowded, sights, seed)
        assert better is not None
        assert not check_rules(better).errors
        sights.append(Sight((), None, better))


def test_a_picture_drawn_without_layout_is_redesigned_from_what_is_seen() -> None:
    car = next(p for p in SEEN if p.kind == "car")
    better, _ = redesign(DESCRIPTION, [Sight((car,), None, None)], seed=0)
    assert better is not None
    assert sorted(p.kind for p in placed_of(better)) == ["car", "dog", "tree"]
    assert _box_of(better, "car").as_tuple() == pytest.approx(car.box)


def test_same_tells_layouts_apart_by_what_a_generator_would_notice() -> None:
    def one(x: float, phrase: str = "a red ball") -> Layout:
        return Layout((Thing(phrase, Box(x, 0.1, x + 0.2, 0.3)),))

    assert same(one(0.1), one(0.12))
    assert not same(one(0.1), one(0.14))
    assert not same(one(0.1), one(0.1, "a blue ball"))


@pytest.mark.parametrize(
    "prompt", ["a cat inside a box", "a boy riding a horse", "a bird is behind a suitcase"]
)
def test_what_is_not_seen_is_planned_larger(prompt: str) -> None:
    description = read(prompt)
    grown = []
    for seed in range(8):
        layout = revise(description, plan(description, seed), seed)[0]
        lost, *rest = placed_of(layout)
        better, _ = redesign(description, [Sight(tuple(rest), None, layout)], seed)
        assert better is not None
        again = next(thing for thing in placed_of(better) if thing.kind == lost.kind)
        grown.append((again.box[3] - again.box[1]) / (lost.box[3] - lost.box[1]))
    assert sorted(grown)[4] > 1.03
