"""Codecs against arithmetic by hand, and as round trips within their documented rounding error."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasvir.codecs import CODECS, decode, encode
from tasvir.errors import LayoutError, UnknownNameError
from tasvir.records import Box, Layout, Thing

LAYOUT = Layout((Thing("a red car", Box(0.25, 0.5, 0.5, 0.75)), Thing("a dog", Box(0.5, 0.125, 1.0, 0.625))))
FREE = sorted(set(CODECS) - {"rpg"})

words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=8).filter(
    lambda word: "BREAK" not in word
)
phrases = st.lists(words, min_size=1, max_size=4).map(" ".join)
starts = st.floats(0, 0.9)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, y0 = draw(starts), draw(starts)
    return Box(x0, y0, draw(st.floats(x0 + 0.1, 1)), draw(st.floats(y0 + 0.1, 1)))


layouts = st.builds(
    Layout,
    st.lists(st.builds(Thing, phrases, boxes()), min_size=1, max_size=5).map(tuple),
    st.none() | phrases,
)
canvases = st.tuples(st.integers(64, 2048), st.integers(64, 2048))


@st.composite
def grids(draw: st.DrawFn) -> Layout:
    """Rows of columns that tile the picture."""

    def spans() -> list[tuple[float, float]]:
        sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
        edges = [sum(sizes[:k]) / sum(sizes) for k in range(len(sizes) + 1)]
        return list(pairwise(edges))

    things = [Thing(draw(phrases), Box(x0, y0, x1, y1)) for y0, y1 in spans() for x0, x1 in spans()]
    return Layout(tuple(draw(st.permutations(things))), draw(st.none() | phrases))


def written_by_hand() -> dict[str, object]:
    return {
        "gligen": {
            "gligen_phrases": ["a red car", "a dog"],
            "gligen_boxes": [[0.25, 0.5, 0.5, 0.75], [0.5, 0.125, 1.0, 0.625]],
        },
        "instancediffusion": {
            "caption": "", "width": 512, "height": 512,
            "annos": [
                {"caption": "a red car", "bbox": [128, 256, 128, 128]},
                {"caption": "a dog", "bbox": [256, 64, 256, 256]},
            ],
        },
        "genartist": [
            {"object": "a red car", "box": [0.25, 0.5, 0.25, 0.25], "pixels": False},
            {"object": "a dog", "box": [0.5, 0.125, 0.5, 0.5], "pixels": False},
        ],
        "t2i-copilot": [
            {"object": "a red car", "bbox": [256, 512, 512, 768]},
            {"object": "a dog", "bbox": [512, 128, 1024, 640]},
        ],
        "flux3": [
            {"id": 0, "bbox": [500, 250, 750, 500], "desc": "a red car"},
            {"id": 1, "bbox": [125, 500, 625, 1000], "desc": "a dog"},
        ],
        "moss": [
            {"phrase": "a red car", "box": [0, -256, 256, 0]},
            {"phrase": "a dog", "box": [-384, 0, 128, 512]},
        ],
        "lmd": "Objects: [('a red car', [128, 256, 128, 128]), ('a dog', [256, 64, 256, 256])]\n"
        "Background prompt: \nNegative prompt: ",
        "sld": "[('a red car #1', [0.25, 0.5, 0.25, 0.25]), ('a dog #1', [0.5, 0.125, 0.5, 0.5])]",
        "layoutgpt": "a red car {height: 64px; width: 64px; top: 128px; left: 64px; }\n"
        "a dog {height: 128px; width: 128px; top: 32px; left: 128px; }",
    }  # fmt: skip


@pytest.mark.parametrize("name", FREE)
def test_the_format_is_the_one_worked_out_by_hand(name: str) -> None:
    by_hand = written_by_hand()[name]
    assert encode(name, LAYOUT) == by_hand
    assert decode(name, by_hand) == LAYOUT


def _assert_same(name: str, given_: Layout, back: Layout, error: tuple[float, float]) -> None:
    assert [t.phrase for t in back.things] == [t.phrase for t in given_.things]
    for before, after in zip(given_.things, back.things, strict=True):
        for axis, (a, b) in enumerate(zip(before.box.as_tuple(), after.box.as_tuple(), strict=True)):
            assert abs(a - b) <= error[axis % 2] + 1e-9
    if "background" in CODECS[name].keeps:
        assert back.background == given_.background


@pytest.mark.parametrize("name", FREE)
@given(layout=layouts, canvas=canvases)
def test_a_round_trip_moves_no_coordinate_by_more_than_the_documented_error(
    name: str, layout: Layout, canvas: tuple[int, int]
) -> None:
    data = encode(name, layout, canvas)
    back = decode(name, data, canvas)
    _assert_same(name, layout, back, CODECS[name].error(canvas))


@pytest.mark.parametrize("name", sorted(set(FREE) - {"gligen", "genartist"}))
@given(layout=layouts)
def test_a_second_round_trip_changes_nothing(name: str, layout: Layout) -> None:
    data = encode(name, layout)
    assert encode(name, decode(name, data)) == data


@given(layout=grids())
def test_rpg_says_grids(layout: Layout) -> None:
    back = decode("rpg", encode("rpg", layout))
    ordered = Layout(tuple(sorted(layout.things, key=lambda t: (t.box.y0, t.box.x0))), layout.background)
    _assert_same("rpg", ordered, back, CODECS["rpg"].error())


def test_rpg_ratio_by_hand() -> None:
    things = (
        Thing("sky", Box(0, 0, 1, 0.25)),
        Thing("a dog", Box(0.75, 0.25, 1, 1)),
        Thing("a car", Box(0, 0.25, 0.75, 1)),
    )
    data = encode("rpg", Layout(things))
    assert data["split_ratio"] == "0.25,1;0.75,0.75,0.25"
    assert data["regional_prompt"] == "sky BREAK a car BREAK a dog"
    row = decode("rpg", {"split_ratio": "1,3", "regional_prompt": "a BREAK b"})
    assert [t.box for t in row.things] == [Box(0, 0, 0.25, 1), Box(0.25, 0, 1, 1)]


@pytest.mark.parametrize(
    "things",
    [
        LAYOUT.things,
        (Thing("a", Box(0, 0, 0.5, 1)), Thing("b", Box(0.6, 0, 1, 1))),
        (Thing("a", Box(0, 0, 0.5, 1)), Thing("b", Box(0.5, 0, 1, 0.9))),
        (Thing("a", Box(0, 0, 0.6, 1)), Thing("b", Box(0.4, 0, 1, 1))),
        (),
    ],
    ids=["free", "gap", "ragged", "overlap", "empty"],
)
def test_rpg_refuses_what_is_no_grid(things: tuple[Thing, ...]) -> None:
    with pytest.raises(LayoutError, match="no grid"):
        encode("rpg", Layout(things))


def test_sld_numbers_equal_names() -> None:
    box = Box(0, 0, 0.5, 0.5)
    text = encode("sld", Layout((Thing("a dog", box), Thing("a cat", box), Thing("a dog", box))))
    assert [part in text for part in ("'a dog #1'", "'a cat #1'", "'a dog #2'")] == [True] * 3


def test_genartist_flag_says_pixels() -> None:
    rows = [{"object": "a dog", "box": [128, 0, 256, 512], "pixels": True}]
    assert decode("genartist", rows, (512, 1024)).things[0].box == Box(0.25, 0, 0.5, 0.5)


def test_instancediffusion_takes_the_canvas_from_the_data() -> None:
    data = {"width": 100, "height": 200, "annos": [{"caption": "a dog", "bbox": [10, 20, 50, 100]}]}
    assert decode("instancediffusion", data).things[0].box == Box(0.1, 0.1, 0.6, 0.6)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ([0, 0.1, 0.5, 1], "not in 0 to 1"),
        ([0, 0, 500, 1001], "0 to 1000"),
        ([500, 0, 400, 10], "top, left, bottom, right"),
        ([0, 0, True, 10], "finite numbers"),
        ([0, 0, float("nan"), 10], "finite numbers"),
        ([0, 0, 10], "four numbers"),
        ("0,0,1,1", "four numbers"),
    ],
)
def test_flux3_refuses(box: object, problem: str) -> None:
    with pytest.raises(LayoutError, match=problem):
        decode("flux3", [{"id": 0, "bbox": box, "desc": "a dog"}])


def test_every_broken_row_is_listed() -> None:
    rows = [{"object": "a", "bbox": [1]}, {"object": "b", "bbox": [0, 0, 9, 9]}, {"bbox": [0, 0, 9, 9]}]
    with pytest.raises(LayoutError) as caught:
        decode("t2i-copilot", rows)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    "text",
    [
        "Objects: [('a dog', [1, 2, 3, 4]), __import__('os').system('true')]",
        "Objects: [('a dog', [1, 2, 3])]",
        "Objects: [('a dog', [1, 2, 3, 2**9])]",
        "no list",
        None,
    ],
)
def test_lmd_text_is_data_and_not_code(text: object) -> None:
    with pytest.raises(LayoutError):
        decode("lmd", text)


def test_lmd_reads_the_shape_that_its_prompt_asks_for() -> None:
    text = 'Objects: [("a skier\'s hat", [0, 0, 256, 512])]\nBackground prompt: snow\nNegative prompt: trees'
    assert decode("lmd", text) == Layout((Thing("a skier's hat", Box(0, 0, 0.5, 1)),), "snow")


def test_an_unknown_codec_and_an_empty_canvas() -> None:
    with pytest.raises(UnknownNameError, match="flux3"):
        encode("flux", LAYOUT)
    with pytest.raises(LayoutError, match="positive"):
        encode("lmd", LAYOUT, (0, 512))
