"""The rules of a layout, one by one, with boxes small enough to check in the head."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasvir.errors import LayoutError
from tasvir.layout import check, differences, parse_layout, read_layout, repair
from tasvir.records import Box, Layout, Thing


def layout(*things: tuple[str, tuple[float, ...]], **fields: object) -> Layout:
    return Layout(tuple(Thing(phrase, Box(*box)) for phrase, box in things), **fields)  # type: ignore[arg-type]


LEFT, RIGHT = (0.0, 0.2, 0.4, 0.8), (0.6, 0.2, 1.0, 0.8)


def test_a_sound_layout_passes_untouched() -> None:
    sound = layout(("a red car", LEFT), ("a dog", RIGHT), background="park")
    repaired, report = repair(sound)
    assert (repaired, report.clipped, report.errors) == (sound, (), ())


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0.1, 0.1, float("nan"), 0.5), "not finite"),
        ((0.1, 0.1, float("inf"), 0.5), "not finite"),
        ((0.5, 0.1, 0.4, 0.95), "x0 must be smaller than x1"),
        ((0.1, 0.5, 0.5, 0.5), "y0 must be smaller than y1"),
        ((0.1, 0.1, 0.19, 0.5), "x1 - x0 = 0.09"),
        ((0.1, 0.1, 0.5, 0.15), "y1 - y0 = 0.05"),
        ((0.5, 0.1, 1.03, 0.5), "x1 = 1.03 lies outside"),
        ((-0.03, 0.1, 0.5, 0.5), "x0 = -0.03 lies outside"),
    ],
)
def test_each_broken_box_is_named(box: tuple[float, ...], words: str) -> None:
    errors = check(layout(("a cat", box))).errors
    assert any(words in error and "'a cat'" in error for error in errors)


def test_the_least_side_is_allowed() -> None:
    assert check(layout(("a cat", (0.2, 0.2, 0.3, 0.3)))).errors == ()


def test_a_small_overshoot_is_clipped_and_noted() -> None:
    repaired, report = repair(layout(("a dog", (0.59, -0.02, 1.002, 0.678))))
    assert repaired.things[0].box == Box(0.59, 0.0, 1.0, 0.678)
    assert report.errors == ()
    assert len(report.clipped) == 2 and "x1 = 1.002 was clipped to 1" in report.clipped[1]


def test_clipping_that_leaves_too_little_is_an_error() -> None:
    report = check(layout(("a dog", (0.91, 0.1, 1.01, 0.5))))
    assert report.clipped == () and "x1 - x0 = 0.09" in report.errors[0]


@pytest.mark.parametrize(
    "phrase",
    [
        "two dogs",
        "Three red cars",
        "a dog and a cat",
        "a dog & a cat",
        "several birds",
        "12 birds",
        "a pair of dogs",
        "a group of people",
        "the two men",
    ],
)
def test_more_than_one_thing_a_box_is_refused(phrase: str) -> None:
    assert "more than one thing" in check(layout((phrase, LEFT))).errors[0]


@pytest.mark.parametrize(
    "phrase",
    [
        "a woman in blue walking, facing left",
        "a black and white cat",
        "a two-wheeled cart",
        "1 dog",
        "a candy bar",
        "a pair of scissors",
        "a basket of laundry",
        "a girl with two braids",
        "a few-flowered plant",
    ],
)
def test_one_thing_is_one_thing(phrase: str) -> None:
    assert check(layout((phrase, LEFT))).errors == ()


def test_a_box_more_than_half_inside_another() -> None:
    inner, outer = (0.3, 0.2, 0.5, 0.4), (0.0, 0.0, 0.4, 1.0)
    assert check(layout(("a", inner), ("b", outer))).errors == ()  # exactly half
    deeper = layout(("a", (0.29, 0.2, 0.49, 0.4)), ("b", outer))
    (error,) = check(deeper).errors
    assert "55% inside" in error and "'a'" in error
    for pair in ((0, 1), (1, 0)):
        assert check(Layout(deeper.things, None, (pair,))).errors == ()


def test_overlaps_must_name_things() -> None:
    bad = layout(("a", LEFT), ("b", RIGHT), overlaps=((0, 2), (1, 1)))
    assert len(check(bad).errors) == 2


def test_an_empty_layout_needs_a_background() -> None:
    assert check(Layout()).errors and not check(Layout(background="park")).errors


def test_corner_and_size_is_recognised() -> None:
    # the thesis' own examples in A.2 fall into this: x, y, w, h under the words "bottom-right"
    report = check(
        layout(("green car", (0.027, 0.365, 0.275, 0.207)), ("blue truck", (0.35, 0.368, 0.272, 0.208)))
    )
    assert any("look like x, y, w, h" in error for error in report.errors)
    swapped = check(layout(("a", (0.9, 0.2, 0.3, 0.8)), ("b", RIGHT)))
    assert swapped.errors and not any("x, y, w, h" in error for error in swapped.errors)


def test_pixels_are_recognised_instead_of_a_flood_of_range_errors() -> None:
    (error,) = check(layout(("a", (10, 20, 200, 300)), ("b", (220, 20, 500, 300)))).errors
    assert "look like pixels" in error


sides = st.floats(-0.1, 1.1)


@given(st.lists(st.tuples(sides, sides, sides, sides), min_size=1, max_size=4))
def test_what_repair_lets_through_is_sound_and_stays_so(rows: list[tuple[float, ...]]) -> None:
    repaired, report = repair(layout(*(("a dog", row) for row in rows)))
    if not report.errors:
        for thing in repaired.things:
            assert 0 <= thing.box.x0 < thing.box.x1 <= 1 and 0 <= thing.box.y0 < thing.box.y1 <= 1
            assert min(thing.box.width, thing.box.height) >= 0.1 - 1e-5
        assert repair(repaired)[1] == type(report)()
    for given_, thing in zip(rows, repaired.things, strict=True):
        assert max(abs(a - b) for a, b in zip(given_, thing.box.as_tuple(), strict=True)) <= 0.02 + 1e-5


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["objects", "phrase", "box", "background"]), inner)
        ),
    )
)
def test_any_json_gives_a_layout_or_problems(data: object) -> None:
    found, problems = parse_layout(data)
    assert (found is None) == bool(problems)


def test_all_types_that_are_wrong_are_listed() -> None:
    rows = [
        {"phrase": "a", "box": ["0.1", 0.1, 0.5, True]},
        {"phrase": 3, "box": [0.1, 0.1, 0.5, 0.5]},
        {"phrase": "b", "box": [0.1, 0.1, 0.5]},
        "a dog",
        {"phrase": "c", "box": [0.1, 10**400, float("nan"), 0.5]},
    ]
    _, problems = parse_layout({"objects": rows, "background": 5, "overlaps": [[0, "1"]]})
    for words in (
        "objects[0].box[0] must be a number, got the text '0.1'",
        "objects[0].box[3] must be a number, got true",
        "objects[1].phrase",
        "objects[2].box must be a list of four numbers, got a list of 3",
        "objects[3] must be",
        "objects[4].box[1] must be a finite number",
        "objects[4].box[2] must be a finite number",
        "'background'",
        "overlaps[0]",
    ):
        assert any(words in problem for problem in problems), words


def test_control_characters_never_reach_a_phrase() -> None:
    found, _ = parse_layout({"things": [{"phrase": "a \x1b[31mred\n car", "box": [0, 0, 1, 1]}]})
    assert found is not None and found.things[0].phrase == "a [31mred car"


def test_more_than_64_things_are_refused() -> None:
    row = {"phrase": "a", "box": [0, 0, 1, 1]}
    assert parse_layout({"objects": [row] * 65})[0] is None


def test_a_layout_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "layout.json"
    expected = layout(("a red car", LEFT), ("a dog", RIGHT), background="park", overlaps=((0, 1),))
    file.write_text(json.dumps(expected.to_dict()), encoding="utf-8")
    assert read_layout(file)[0] == expected


def test_a_broken_layout_file_lists_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "layout.json"
    rows = [{"phrase": "two dogs", "box": LEFT}, {"phrase": "a cat", "box": [0.5, 0.5, 0.55, 1.4]}]
    file.write_text(json.dumps({"objects": rows}), encoding="utf-8")
    with pytest.raises(LayoutError) as caught:
        read_layout(file)
    assert len(caught.value.problems) == 2 and str(file) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 5000, "[1]", '{"objects": 3}', "\x00"])
def test_files_that_are_no_layout(tmp_path: Path, text: str) -> None:
    file = tmp_path / "layout.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LayoutError):
        read_layout(file)


def test_a_layout_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="cannot be read"):
        read_layout(tmp_path / "none.json")


def test_no_difference_has_no_words() -> None:
    same = layout(("a car", LEFT), ("a car", RIGHT))
    assert differences(same, same) == ()


def test_differences_in_words() -> None:
    old = layout(("a red car", LEFT), ("a dog", RIGHT), ("a cat", (0.4, 0.0, 0.6, 0.1)), background="park")
    new = layout(
        ("a red car", (0.1, 0.3, 0.5, 0.9)), ("a brown dog", RIGHT), ("a tree", (0.4, 0.9, 0.6, 1.0))
    )
    assert set(differences(old, new)) == {
        "moved a red car right by 0.10 and down by 0.10",
        "renamed a dog to a brown dog",
        "removed a cat",
        "added a tree",
        "background: park to none",
    }


def test_equal_phrases_are_matched_by_place() -> None:
    old = layout(("a dog", LEFT), ("a dog", RIGHT))
    new = layout(("a dog", RIGHT), ("a dog", (0.0, 0.0, 0.4, 0.6)))
    assert differences(old, new) == ("moved a dog up by 0.20",)


def test_size_and_depth_in_words() -> None:
    near, far = (0.2, 0.2, 0.6, 0.6), (0.4, 0.4, 0.8, 0.8)
    assert differences(layout(("a", near), ("b", far)), layout(("b", far), ("a", near))) == (
        "brought a in front of b",
    )
    assert differences(layout(("a", near)), layout(("a", (0.0, 0.0, 0.8, 0.8)))) == (
        "made a larger (4 x the area)",
    )


def test_everything_is_new_where_there_was_nothing() -> None:
    assert differences(None, layout(("a", LEFT))) == ("added a",)
