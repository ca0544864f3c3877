"""The walk's pages: whole in every language, self-contained, and nothing that was typed can act on them."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from tasvir.errors import OutputError, SettingError
from tasvir.models.walk.record import Walk
from tasvir.models.walk.walking import Asked, walk
from tasvir.report.charts import HEIGHT, WIDTH, histogram, line_chart
from tasvir.report.walk_files import save_walks, walk_folder
from tasvir.report.walk_page import compare, render_pair, render_walk
from tasvir.report.walk_texts import LANGUAGES, texts

EVIL = 'a car <script>x()</script>"><img src=http://a.b onerror=y()>'
VOID = {"meta", "img", "br", "path", "rect", "polyline"}


@pytest.fixture(scope="module")
def first(tiny_v1: Any) -> Walk:
    return walk(tiny_v1, Asked(EVIL, 3, 3), "diffusers:<b>v1</b>")


@pytest.fixture(scope="module")
def second(tiny_v2: Any) -> Walk:
    return walk(tiny_v2, Asked(EVIL, 3, 3), "diffusers:v2")


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps them with their attributes and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == [], "tags that were never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_languages_have_the_same_keys_and_places() -> None:
    """A text that lacks a place for a number would hide it, one with another would break the page."""
    english = texts("en")
    for language in LANGUAGES[1:]:
        other = texts(language)
        assert {section: set(keys) for section, keys in other.items()} == {
            section: set(keys) for section, keys in english.items()
        }
        for section, keys in english.items():
            for key, text in keys.items():
                assert _places(other[section][key]) == _places(text), f"{language}: {section}.{key}"
    with pytest.raises(SettingError, match="expected one of en, tr, zh"):
        texts("fr")


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_text_is_used() -> None:
    """What no template asks for is dead; ``t.section[name]`` asks for a whole section."""
    folder = Path(render_walk.__code__.co_filename).parent
    source = "".join(path.read_text("utf-8") for path in (folder / "templates").glob("walk*.html"))
    source += (folder / "walk_page.py").read_text("utf-8")
    whole = set(re.findall(r"t\.(\w+)\[", source)) | {"attention"}  # the shares' names are looked up in it
    unused = [
        f"{section}.{key}"
        for section, keys in texts("en").items()
        for key in keys
        if section not in whole and not re.search(rf"t\.{section}\.{key}\b", source)
    ]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_whole_and_harmless(first: Walk, language: str) -> None:
    source = render_walk(first, language)
    page = Page(source)
    assert not {"script", "link", "iframe", "object", "b img", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    links = [value for name, value in page.attributes if name in ("src", "href")]
    assert links
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert all(url.startswith('"data:image/png;base64,') for url in re.findall(r"url\(([^)]*)\)", source))
    assert ("lang", language) in page.attributes
    assert texts(language)["attention"]["title"] in "".join(page.text)
    assert len(source) < 3_000_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_pair_is_whole_and_harmless(first: Walk, second: Walk, language: str) -> None:
    source = render_pair(first, second, ("walk-1.html", "walk-2.html"), language)
    page = Page(source)
    assert "script" not in page.tags
    links = {value for name, value in page.attributes if name in ("src", "href")}
    assert {link for link in links if not link.startswith("data:image/png;base64,")} == {
        "walk-1.html",
        "walk-2.html",
    }
    assert "<b>v1</b>" not in source
    assert texts(language)["pair"]["same_noise"] in "".join(page.text)


def test_numbers_on_the_page_are_the_records(first: Walk) -> None:
    source = render_walk(first)
    written = re.search(r"<pre>(.*?)</pre>", source, re.DOTALL)
    assert written is not None
    assert json.loads(html.unescape(written[1])) == first.to_dict()
    text = "".join(Page(source).text)
    assert f"{first.noise.mean:+.4f}" in text
    assert f"{first.attention.words[0].share * 100:.2f} % of all attention" in text
    for token in first.encoders[0].tokens:
        assert token.text in text
    assert "4 × 8 × 8" in text
    assert "3 × 64 × 64" in text


def test_page_without_guidance(tiny_v1: Any) -> None:
    page = Page(render_walk(walk(tiny_v1, Asked("a car", 3, 2, 1.0), "x")))
    assert "Guidance was off (scale 1)" in "".join(page.text)


def test_page_of_a_prompt_without_words(tiny_pipeline: Any) -> None:
    page = Page(render_walk(walk(tiny_pipeline, Asked("!?", 3, 2), "x")))
    assert texts("en")["attention"]["none"] in "".join(page.text)


def test_lost_words_are_marked(tiny_pipeline: Any) -> None:
    source = render_walk(walk(tiny_pipeline, Asked("a red zebra " + "car " * 50, 3, 2), "x"))
    assert '<li class="unknown"' in source
    assert source.count('<li class="truncated"') == 53 - 48
    assert texts("en")["tokens"]["unknown"] in source
    assert texts("en")["tokens"]["truncated"] in source
    assert " … (" not in source


def test_a_very_long_prompt_is_not_listed_twice(tiny_pipeline: Any) -> None:
    source = render_walk(walk(tiny_pipeline, Asked("dog " * 148, 0, 1), "embedded"))
    assert source.count('<li class="truncated"') == 100
    assert ", ".join(["dog"] * 12) + " … (100): " + texts("en")["tokens"]["truncated"] in source


def test_pair_shows_what_differs(first: Walk, second: Walk) -> None:
    rows = {key: (left, right, differs) for key, left, right, differs in compare(first, second)}
    assert rows["encoder_width"] == ((32,), (48,), True)
    assert rows["vocabulary"] == ((514,), (516,), True)
    assert rows["prediction"] == (("epsilon",), ("v_prediction",), True)
    assert rows["limit"] == ((77,), (77,), False)
    assert rows["read"][2]  # "car" is three tokens for the one, one for the other
    source = render_pair(first, second, ("a.html", "b.html"))
    marked = re.findall(r'<tr class="differs"><th scope="row"[^>]*>([^<]*)</th>', source)
    assert marked == [texts("en")["facts"][key] for key, (_, _, differs) in rows.items() if differs]
    words = re.findall(r"<figcaption><b>(\w+)</b> · ([\d.]+) % · ([\d.]+) %</figcaption>", source)
    shares = {word.word: word.share for word in second.attention.words}
    assert ("car", f"{shares['car'] * 100:.2f}") in [(word, right) for word, _, right in words]


def test_words_of_one_model_alone(first: Walk, tiny_pipeline: Any) -> None:
    """The embedded model takes no "<"; a word that is there twice is paired in order."""
    other = walk(tiny_pipeline, Asked("a car and a dog", 3, 2), "embedded")
    source = render_pair(first, other, ("a.html", "b.html"))
    left, right = (Counter(word.word for word in each.attention.words) for each in (first, other))
    assert (left["a"], left["car"], right["a"], right["car"]) == (2, 1, 2, 1)
    assert source.count('<div class="blank">') == (left - right).total() + (right - left).total()
    assert texts("en")["pair"]["other_noise"] in source


def test_files(first: Walk, second: Walk, tmp_path: Path) -> None:
    assert save_walks([first], tmp_path, "en") == [tmp_path / "walk.html"]
    assert json.loads((tmp_path / "walk.json").read_text("utf-8")) == first.to_dict()
    pages = save_walks([first, second], tmp_path, "tr")
    assert [page.name for page in pages] == ["side-by-side.html", "walk-1.html", "walk-2.html"]
    told = json.loads((tmp_path / "side-by-side.json").read_text("utf-8"))
    assert told["same_noise"] is True
    assert told["facts"]["encoder_width"] == {"first": [32], "second": [48], "differs": True}


def test_what_is_not_finite_is_null_in_json(first: Walk, tmp_path: Path) -> None:
    save_walks([replace(first, scale=float("nan"))], tmp_path, "en")
    assert json.loads((tmp_path / "walk.json").read_text("utf-8"))["scale"] is None


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broke"), walk_folder(tmp_path / "a" / "b"):
        raise ValueError("broke")
    assert not (tmp_path / "a" / "b").exists()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another with --out"), walk_folder(tmp_path / "file"):
        pass


def test_charts_by_hand() -> None:
    chart = line_chart("x", [0.0, 1.0, 4.0])
    assert chart.line == f"0.0,{HEIGHT:.1f} {WIDTH / 2:.1f},{HEIGHT * 0.75:.1f} {WIDTH:.1f},0.0"
    assert (chart.top, chart.last) == ("4", 3)
    bars = histogram([1, 2], [2, 4])
    assert bars.bars[1] == (WIDTH / 2, HEIGHT / 2, WIDTH / 2 - 1, HEIGHT / 2)
    assert bars.line.endswith(",0.0")
