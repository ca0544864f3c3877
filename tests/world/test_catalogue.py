"""The catalogue and its drawings: what the tables say is what the drawings are."""

from __future__ import annotations

import re
from importlib.resources import files
from xml.etree import ElementTree

import pytest

from tasvir.errors import UnknownNameError
from tasvir.world.catalogue import Kind, catalogue, kind, palette
from tasvir.world.scene import POSES

SPRITES = files("tasvir.world").joinpath("sprites")
DRAWINGS = [
    (one, one.name if pose is None else f"{one.name}-{pose}")
    for one in catalogue().values()
    for pose in one.poses or (None,)
]
EACH = pytest.mark.parametrize(("one", "name"), DRAWINGS, ids=[name for _, name in DRAWINGS])


def test_fifty_kinds_in_nine_colours() -> None:
    assert (len(catalogue()), len(palette())) == (50, 9)


@pytest.mark.parametrize("one", catalogue().values(), ids=list(catalogue()))
def test_a_kind_is_in_range(one: Kind) -> None:
    assert one.color in palette()
    assert set(one.poses) <= set(POSES)
    assert 0.05 <= one.height <= 0.9 and 0.02 <= one.height * one.aspect <= 0.9
    assert one.holdable == (one.grip is not None)
    for value in (*(one.grip or ()), *(one.inside or ()), one.ride, one.top, one.under):
        assert value is None or -0.05 <= value <= 1.05
    if one.inside is not None:
        x0, y0, x1, y1 = one.inside
        assert x0 < x1 and y0 < y1
    assert one.plural != one.name or one.name in {"sheep", "fish"}


def test_each_drawing_belongs_to_a_kind() -> None:
    there = {entry.name.removesuffix(".svg") for entry in SPRITES.iterdir() if entry.name.endswith(".svg")}
    assert there == {name for _, name in DRAWINGS}


def drawing(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(SPRITES.joinpath(f"{name}.svg").read_text("utf-8"))


@EACH
def test_a_drawing_has_the_aspect_of_its_kind(one: Kind, name: str) -> None:
    x, y, width, height = (float(value) for value in drawing(name).attrib["viewBox"].split())
    assert (x, y) == (0, 0)
    assert width / height == pytest.approx(one.aspect, rel=0.02)


@EACH
def test_the_palette_reaches_all_that_has_its_classes(one: Kind, name: str) -> None:
    """One palette to replace, classes that it knows, and no fill of their own on what it shall colour."""
    root = drawing(name)
    styles = [element for element in root.iter() if element.tag.endswith("style")]
    assert [style.get("id") for style in styles] == ["palette"]
    assert set(re.findall(r"\.(\w+)\{fill:#", styles[0].text or "")) == {"main", "dark", "light"}
    classed = [element for element in root.iter() if element.get("class")]
    assert {element.get("class") for element in classed} <= {"main", "dark", "light"}
    assert "main" in {element.get("class") for element in classed}
    for element in classed:
        assert element.get("fill") is None and "fill:" not in element.get("style", "")


@EACH
def test_a_drawing_holds_nothing_from_elsewhere(one: Kind, name: str) -> None:
    tags = {element.tag.rpartition("}")[2] for element in drawing(name).iter()}
    assert not tags & {"script", "image", "foreignObject", "text"}


def test_an_unknown_kind_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"no 'unicorn'; it has man, woman"):
        kind("unicorn")
    assert kind("dog") is catalogue()["dog"]


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        catalogue()["unicorn"] = kind("dog")  # type: ignore[index]
