"""Trace folders and the page: what is written is what is read back, and nothing on the page can act."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from tasvir.errors import RecordError
from tasvir.guide.replies import parse_layout_reply, parse_verdict_reply
from tasvir.records import Attempt, Box, Layout, Picture, Prompt, Thing, Trace, Usage, Verdict
from tasvir.report.box_drawing import COLORS, colors_of, draw_boxes
from tasvir.report.trace_page import render_trace
from tasvir.report.traces import TraceFolder, load_trace, with_text

EVIL = "<script>alert('x')</script>\"><img src=http://a.b/c.png onerror=alert(1)>"


def png(color: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), color).save(buffer, "PNG")
    return buffer.getvalue()


def trace(prompt: str = "a dog", phrase: str = "a dog") -> Trace:
    first = Layout((Thing(phrase, Box(0.1, 0.2, 0.5, 0.9)),), background=phrase)
    second = Layout((Thing(phrase, Box(0.3, 0.2, 0.7, 0.9)),), overlaps=())
    attempts = (
        Attempt(
            0,
            first,
            Picture(png((9, 8, 7)), 16, 8, {"seed": 3}),
            Verdict(2, phrase, (phrase,)),
            (),
            {"draw": 1.5},
        ),
        Attempt(1, second, Picture(png((1, 2, 3)), 16, 8, {"seed": 4}), Verdict(5, "fine"), (phrase,)),
    )
    return Trace(Prompt(prompt), 3, {"guide": phrase, "size": [16, 8]}, (first, second), attempts, 1, "good")


class Tags(HTMLParser):
    """Collects the tags and attributes that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    saved = trace()
    TraceFolder(tmp_path / "a").save(saved)
    read = load_trace(tmp_path / "a")
    assert read.to_dict() == saved.to_dict()
    for old, new in zip(saved.attempts, read.attempts, strict=True):
        assert (
            Image.open(io.BytesIO(new.picture.png)).tobytes()
            == Image.open(io.BytesIO(old.picture.png)).tobytes()
        )


def test_what_calls_cost_is_kept_and_told(tmp_path: Path) -> None:
    assert "Calls" not in render_trace(trace())
    paid = replace(trace(), usage=Usage(12, 3, 4210, 900, 0.01234, 25.0), repairs=1)
    TraceFolder(tmp_path / "a").save(paid)
    read = load_trace(tmp_path / "a")
    assert (read.usage, read.repairs) == (paid.usage, 1)
    told = "12 calls; 3 from kept replies; 1 to repair a reply; 4,210 tokens read, 900 written; $0.0123; 25 s"
    assert told in render_trace(read)
    assert "price not known" in render_trace(replace(paid, usage=Usage(1, money=None)))


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    folder = TraceFolder(tmp_path / "a")
    folder.save(trace())
    folder.save(trace())
    assert not list((tmp_path / "a").glob(".*"))


def test_pictures_of_a_trace_that_a_kill_cut_short_are_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "round-0.png").write_bytes(png((1, 2, 3)))
    TraceFolder(tmp_path).save(trace())
    assert load_trace(tmp_path).finished == "good"


def test_a_failed_run_leaves_the_earlier_trace_alone(tmp_path: Path) -> None:
    TraceFolder(tmp_path / "a").save(trace())
    TraceFolder(tmp_path / "a").abandon()
    assert load_trace(tmp_path / "a").finished == "good"
    TraceFolder(tmp_path / "b").abandon()
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": "tasvir-trace/1", "prompt": "a dog"}'])
def test_broken_traces_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "trace.json").write_text(content)
    with pytest.raises(RecordError, match=re.escape(str(tmp_path))):
        load_trace(tmp_path)


def test_text_chunks_keep_every_letter_and_every_pixel() -> None:
    original = png((200, 100, 50))
    marked = Image.open(io.BytesIO(with_text(original, {"prompt": "bir köpek, 一只狗\n2"})))
    assert marked.text["prompt"] == "bir köpek, 一只狗\n2"
    assert marked.tobytes() == Image.open(io.BytesIO(original)).tobytes()


def test_nothing_that_was_typed_can_act_on_the_page() -> None:
    """The tags of a page do not depend on the text in it, and there is no script at all."""
    harmless, hostile = parsed(render_trace(trace())), parsed(render_trace(trace(EVIL, EVIL)))
    assert hostile.tags == harmless.tags
    assert "script" not in hostile.tags
    assert not [name for name, _ in hostile.attributes if name.startswith("on")]


def test_nothing_that_a_model_said_can_act_on_the_page() -> None:
    """From replies as text to the page: whatever the reader lets through is shown as text."""
    objects = [{"phrase": EVIL, "box": [0.1, 0.2, 0.5, 0.9]}]
    layout = parse_layout_reply(json.dumps({"objects": objects, "background": EVIL})).value()
    verdict = parse_verdict_reply(json.dumps({"score": 2, "reasoning": EVIL, "missing": [EVIL]})).value()
    picture = Picture(png((9, 8, 7)), 16, 8, {"seed": 3})
    page = render_trace(
        Trace(Prompt("a dog"), 3, {}, (layout,), (Attempt(0, layout, picture, verdict, (EVIL,)),), 0, "good")
    )
    assert page.count("&lt;script&gt;") >= 5 and "<script" not in page and "<img src=http" not in page


def test_the_page_loads_nothing() -> None:
    page = render_trace(trace())
    sources = [
        value for name, value in parsed(page).attributes if name in ("src", "href", "srcset", "action")
    ]
    assert sources
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in sources)
    assert not re.search(r"url\(|@import|https?://", page)


def test_the_page_of_an_unfinished_trace() -> None:
    page = render_trace(Trace(Prompt("a dog"), 0))
    assert "No picture was drawn" in page
    plain = Attempt(0, None, Picture(png((1, 1, 1)), 16, 8))
    assert "Drawn from the prompt alone" in render_trace(
        Trace(Prompt("a dog"), 0, {}, (), (plain,), 0, "single")
    )


def test_what_a_picture_does_not_have_is_none_and_what_nobody_asked_for_is_default() -> None:
    drawn = Attempt(0, None, Picture(png((1, 1, 1)), 16, 8, {"commit": None}))
    page = render_trace(Trace(Prompt("a dog"), 0, {"steps": None}, (), (drawn,), 0, "single"))
    assert "<dt>commit</dt><dd>none</dd>" in page and "<dt>steps</dt><dd>default</dd>" in page


def test_boxes_are_in_view_units_and_moved_things_have_a_ghost() -> None:
    before = Layout((Thing("a dog", Box(0.0, 0.0, 0.5, 0.5)), Thing("a cat", Box(0.5, 0.5, 1.0, 1.0))))
    after = Layout((Thing("a cat", Box(0.5, 0.5, 1.0, 1.0)), Thing("a dog", Box(0.25, 0.5, 0.5, 1.0))))
    cat, dog = draw_boxes(after, colors_of([before, after]), 500.0, before)
    assert (dog.rect.x, dog.rect.y, dog.rect.width, dog.rect.height) == (250.0, 250.0, 250.0, 250.0)
    assert dog.ghost is not None
    assert (dog.ghost.x, dog.ghost.y, dog.ghost.width, dog.ghost.height) == (0.0, 0.0, 500.0, 250.0)
    assert cat.ghost is None
    assert (dog.color, cat.color) == (COLORS[0], COLORS[1])


def test_labels_stay_inside_and_apart_where_there_is_room() -> None:
    things = [Thing(f"thing number {i}", Box(0.8, 0.1, 1.0, 0.9)) for i in range(4)]
    drawn = draw_boxes(Layout(tuple(things)), colors_of([Layout(tuple(things))]))
    for i, one in enumerate(drawn):
        assert one.label.x >= 0
        assert one.label.x + one.label.width <= 1000
        assert not any(one.label.meets(other.label) for other in drawn[:i])


def test_white_text_is_readable_on_every_color() -> None:
    """Contrast by WCAG 2: (1.05) / (L + 0.05) with the relative luminance L."""
    for color in COLORS:
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 4.5, color
