"""The page: whole, self-contained, harmless whatever the results say, with the same figures everywhere."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from multimodal_results import GAUSSIAN_POE, MNIST_POE, build_arrays, build_table, write_tables
from PIL import Image
from safetensors.numpy import save_file

from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.report.multimodal.charts import plane
from tasvir.report.multimodal.files import write_multimodal
from tasvir.report.multimodal.pictures import image_sheet, label_sheet

EVIL = 'x"</td><script>alert(1)</script><img src=http://a.b onerror=x()>|`$'
VOID = {"meta", "img", "br", "rect", "line", "circle", "path"}


class Page(HTMLParser):
    """Keeps tags and text; tags must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables of the thesis, one of a strange rule on strange data, a sweep; texts that try to get out."""
    root = tmp_path_factory.mktemp("study")
    image = build_table(MNIST_POE, more={"coherence": 0.7}, protocol={"note": EVIL, "inner": {"rate": 1e-3}})
    gaussians = build_table(GAUSSIAN_POE, seeds=4, more={"x2>x1": 0.2})
    strange = replace(image, expert=EVIL, data=f"idx:/some/where/{EVIL.replace('/', '')}", commit=None)
    write_tables(root, [image, gaussians])
    (root / "strange").mkdir()
    strange.write(root / "strange")
    (root / "strange" / "sensitivity.json").write_text(
        json.dumps([{"changed": {EVIL: EVIL}, "figures": {EVIL: None}}]), "utf-8"
    )
    write_multimodal(root, ["en", "tr", "en"], root / "report")
    return root / "report"


def test_files(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == [
        "charts", "multimodal.en.html", "multimodal.en.md", "multimodal.json", "multimodal.tr.html",
        "multimodal.tr.md", "pictures",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_page_is_one_harmless_file(written: Path, language: str) -> None:
    text = (written / f"multimodal.{language}.html").read_text("utf-8")
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form", "base"}
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 18 and all(one.startswith("data:image/png;base64,") for one in sources)
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    other = {"en": "tr", "tr": "en"}[language]
    assert {one for one in links if not one.startswith("#")} == {f"multimodal.{other}.html"}
    ids = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert len(ids) == len(set(ids)) and {one[1:] for one in links if one.startswith("#")} <= set(ids)
    policy = next(
        one["content"] for tag, one in page.tags if "content" in one and "default-src" in one["content"]
    )
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    assert any(EVIL in one for one in page.text), "shown as it is, not swallowed"
    assert not re.search(r"some.where", text), "no path of this machine"


def test_what_stands_in_the_table(written: Path) -> None:
    """Printed and measured side by side, in both ways of writing numbers."""
    told = json.loads((written / "multimodal.json").read_text("utf-8"))
    cell = next(
        one
        for table in told["tables"]
        if table["thesis_table"] == "3.3"
        for one in table["comparisons"]
        if (one["weighting"], one["figure"]) == ("fixed:1,2", "J2I")
    )
    english, turkish = ((written / f"multimodal.{one}.html").read_text("utf-8") for one in ("en", "tr"))
    assert "0.2158°" in english and "0,2158°" in turkish
    ours = f"{cell['mean']:.4f}"
    assert f"{ours} *" in english and f"{ours.replace('.', ',')} *" in turkish
    assert f"± {cell['deviation']:.4f}" in english
    assert cell["significant"] and cell["holm"] < 0.05 and cell["two_sample"]["p"] > 0.05


def test_sensitivity_shows_means_effects_and_turned_signs(written: Path) -> None:
    text = (written / "multimodal.en.html").read_text("utf-8")
    rows = re.findall(
        r'<th scope="row">(as run|lr = 0\.01)</th><td[^>]*?( class="tone-bad")?>(.*?)</td>', text
    )
    assert rows == [
        ("as run", "", "0.2000"),
        ("lr = 0.01", "", "0.2500<small>(+0.0500)</small>"),
        ("as run", "", "+0.0123"),
        ("lr = 0.01", ' class="tone-bad"', "−0.0321"),
    ]


def test_claims_on_the_page_are_those_of_the_json(written: Path) -> None:
    told = json.loads((written / "multimodal.json").read_text("utf-8"))["claims"]
    verdicts = [one["verdict"] for one in told if not one["estimator"]]
    text = unescape((written / "multimodal.en.html").read_text("utf-8"))
    counts = re.search(
        r"(\d+) claims, .*: replicated (\d+), not replicated (\d+), undecided (\d+), not run (\d+)\.", text
    )
    assert counts is not None
    names = ("replicated", "not-replicated", "undecided", "not-run")
    assert [int(one) for one in counts.groups()] == [len(verdicts), *(verdicts.count(one) for one in names)]
    assert verdicts.count("not-run") > 20
    for number in ("3.2", "3.4", "3.5", "3.6"):
        assert re.search(rf"not run: .*{re.escape(number)} \(", text)


@pytest.mark.parametrize("language", ["en", "tr"])
def test_markdown_has_whole_tables_and_files(written: Path, language: str) -> None:
    text = (written / f"multimodal.{language}.md").read_text("utf-8")
    for block in text.split("\n\n"):
        if block.startswith("| "):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1, block[:200]
    linked = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(linked) > 20 and all((written / one).is_file() for one in linked)
    assert re.search(r"(?<!\\)<script", text) is None


def test_pictures_are_what_the_arrays_hold() -> None:
    arrays = build_arrays(2)
    png = image_sheet(arrays, 1)
    assert png is not None
    sheet = np.asarray(Image.open(io.BytesIO(png)), dtype=float) / 255
    assert sheet.shape == (4 * (2 * 28 + 2), 10 * (2 * 28 + 2))
    tile = sheet[58 : 58 + 56 : 2, 3 * 58 : 3 * 58 + 56 : 2]
    assert np.abs(tile - arrays["I2I"][1, 3, 0]).max() <= 0.5 / 255 + 1e-6
    labels = label_sheet(arrays, 0)
    assert labels is not None
    squares = np.asarray(Image.open(io.BytesIO(labels)), dtype=float) / 255
    assert squares.shape == (120, 3 * 120 + 2 * 12)
    assert squares[6, 6] == pytest.approx(0.7, abs=0.003)  # I2T of class 0
    assert squares[6, 132 + 6] == pytest.approx(0.95, abs=0.003)  # T2T
    assert image_sheet({}, 0) is None and label_sheet({}, 0) is None


def test_the_plane_keeps_most_of_the_spread() -> None:
    """Five dimensions, two of them wide: the plane is those two, up to turning."""
    rng = np.random.default_rng(3)
    codes = rng.standard_normal((400, 5)) * [5, 3, 0.01, 0.01, 0.01]
    shown = plane(codes)
    assert shown.shape == (400, 2)
    assert shown.var(0).sum() == pytest.approx(codes.var(0).sum(), rel=1e-3)
    assert plane(codes[:, :2]) is not codes and np.array_equal(plane(codes[:, :2]), codes[:, :2])
    assert plane(codes[:, :1])[:, 1].tolist() == [0] * 400


def test_what_cannot_be_shown(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no finished table"):
        write_multimodal(tmp_path, ["en"], tmp_path / "out")
    with pytest.raises(RecordError, match="no finished table"):
        write_multimodal(tmp_path / "nowhere", ["en"], tmp_path / "out")
    table = build_table(GAUSSIAN_POE, seeds=2)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        table.write(tmp_path / name)
    with pytest.raises(RecordError, match="two tables of gaussians poe"):
        write_multimodal(tmp_path, ["en"], tmp_path / "out")
    for language in ("zh", "fr"):
        with pytest.raises(SettingError, match="this page has en and tr"):
            write_multimodal(tmp_path / "one", [language], tmp_path / "out")
    with pytest.raises(SettingError, match="no language"):
        write_multimodal(tmp_path / "one", [], tmp_path / "out")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError, match="--out"):
        write_multimodal(tmp_path / "one", ["en"], tmp_path / "file" / "out")
    replace(table, figures={"x1": [[0.1]]}).write(tmp_path / "two")
    with pytest.raises(RecordError, match="'x1' is not 8 weightings by 2 seeds"):
        write_multimodal(tmp_path / "two", ["en"], tmp_path / "out")


def test_damaged_files_beside_a_table(tmp_path: Path) -> None:
    build_table(MNIST_POE, seeds=2).write(tmp_path)
    (tmp_path / "pictures.safetensors").write_bytes(b"no tensors")
    with pytest.raises(RecordError, match=r"pictures\.safetensors cannot be read"):
        write_multimodal(tmp_path, ["en"], tmp_path / "out")
    save_file(build_arrays(8), tmp_path / "pictures.safetensors")
    with pytest.raises(RecordError, match=r"pictures\.safetensors cannot be read .*of 9 weightings"):
        write_multimodal(tmp_path, ["en"], tmp_path / "out")
    save_file(build_arrays(9, latent=5), tmp_path / "pictures.safetensors")
    (tmp_path / "sensitivity.json").write_text('[{"changed": {}}]', "utf-8")
    with pytest.raises(RecordError, match=r"sensitivity\.json cannot be read"):
        write_multimodal(tmp_path, ["en"], tmp_path / "out")


def test_thin_results(tmp_path: Path) -> None:
    """One seed, no history, no curve, a figure that is not a number: the page says less, and stands."""
    table = build_table(MNIST_POE, seeds=1)
    figures = {**table.figures, "J2I": [[float("nan")] for _ in table.weightings]}
    replace(table, figures=figures, history=[], curve=[], commit=None).write(tmp_path)
    page, *_, numbers = write_multimodal(tmp_path, ["tr"], tmp_path / "out")
    Page(page.read_text("utf-8"))
    assert "NaN" not in numbers.read_text("utf-8")
