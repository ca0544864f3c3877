"""A study's files: whole, self-contained, harmless whatever the run's texts are, with the same figures."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from paper import weasyprint_or_skip
from picture_run import SUITE, TRUTH, build_picture_run
from PIL import Image, ImageFile

from tasvir.errors import OutputError, PluginError, SettingError
from tasvir.report.languages import LANGUAGES
from tasvir.report.study import pictures as pictures_module
from tasvir.report.study.files import FORMATS, StudySettings, write_study
from tasvir.report.study.markdown import escape
from tasvir.report.study.matrix import script_json, threshold
from tasvir.report.study.pictures import gather_pictures
from tasvir.report.study.table_files import latex
from tasvir.results import RunResults
from tasvir.score.comparing import compare

EVIL = 'a "dog"</script><script>document.title="got you"</script><img src=http://a.b onerror=x()> `|$_&%#'
FORMULA = "=HYPERLINK(1)"
MODELS = {"careful": (0.05, 1.9), "plain": (0.35, 0.6), f"plain-{EVIL}": (0.3, 0.62), "careless": (0.75, 0.3)}
QUICK = ("html", "md", "csv", "tex", "json")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "img", "br", "input", "link"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResults]:
    """A run in which a prompt, a model, a reason and a category try to get out of the page."""
    folder = tmp_path_factory.mktemp("run")
    results = build_picture_run(
        folder, models=MODELS, a_category=1, raters=("an", "bo"), failing=0.1, texts={0: EVIL, 1: FORMULA}
    )
    prompts = {
        key: replace(prompt, category=EVIL if index == 2 else prompt.category)
        for index, (key, prompt) in enumerate(results.prompts.items())
    }
    cells = tuple(replace(cell, reason=EVIL) if cell.picture is None else cell for cell in results.cells)
    return folder, replace(results, prompts=prompts, cells=cells, about={"draw": {"steps": 20}, "evil": EVIL})


@pytest.fixture(scope="module")
def written(run: tuple[Path, RunResults]) -> dict[str, Path]:
    folder, results = run
    comparison = compare(results, draws=200)
    for language in LANGUAGES:
        write_study(results, comparison, folder, folder / language, StudySettings(language, EVIL, QUICK))
    return {language: folder / language for language in LANGUAGES}


class Page(HTMLParser):
    """Keeps tags with their attributes and what stands in scripts; tags must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inside: dict[str, list[str]] = {}
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == [], "tags that were never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.inside.setdefault(self.open[-1], []).append(data)
        else:
            self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_is_whole_and_harmless(written: dict[str, Path], language: str) -> None:
    page = Page((written[language] / "report.html").read_text("utf-8"))
    names = [tag for tag, _ in page.tags]
    assert names.count("script") == 2, "the data and the one script"
    assert not {"iframe", "object", "link", "base", "embed"} & set(names)
    assert not [
        name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"
    ]
    urls = [found[name] for _, found in page.tags for name in ("src", "href") if name in found]
    assert all(url.startswith("#") for url in urls)
    assert ("html", {"lang": language}) in page.tags
    assert EVIL in "".join(page.text)


def test_policy_names_what_is_there(written: dict[str, Path]) -> None:
    """A changed script would not run, another style would not show."""
    page = Page((written["en"] / "report.html").read_text("utf-8"))
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    data, script = page.inside["script"]
    for kind, text in (("script-src", script), ("style-src", *page.inside["style"])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    json.loads(data)


def test_matrix_holds_every_cell(run: tuple[Path, RunResults], written: dict[str, Path]) -> None:
    folder, results = run
    data = json.loads(Page((written["en"] / "report.html").read_text("utf-8")).inside["script"][0])
    assert [model["name"] for model in data["models"]] == list(MODELS)
    assert [prompt["text"] for prompt in data["prompts"]] == [p.text for p in results.prompts.values()]
    assert len(data["cells"]) == len(results.cells) == 6 * 4 * 2
    for cell, shown in zip(results.cells, data["cells"], strict=True):
        assert (data["models"][shown["m"]]["name"], shown["e"]) == (cell.model, cell.seed)
        if cell.picture is None:
            assert (shown["i"], shown["r"], shown["s"]) == (-1, EVIL, [None, None])
            continue
        uri, link = data["pictures"][shown["i"]]
        assert (written["en"] / link).resolve() == (folder / str(cell.path)).resolve()
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as small:
            assert (small.format, small.size) == ("WEBP", (128, 128))
        value = cell.scores[TRUTH].value
        assert shown["s"][0] == (None if value is None else pytest.approx(value, abs=1e-6))
        assert shown["y"]["layout"]["things"]


def test_json_cannot_end_the_script() -> None:
    text = script_json({"a": "</script><!--<script>\u2028"})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"a": "</script><!--<script>\u2028"}


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_the_script_runs_under_its_policy(written: dict[str, Path], tmp_path: Path) -> None:
    """In a real browser: rows are there, nothing that the run's texts say was done."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    address = (written["tr"] / "report.html").as_uri()
    done = subprocess.run(
        [*command, "--virtual-time-budget=3000", "--window-size=1200,4000", "--dump-dom", address],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    shown = Page(done.stdout)
    rows = [attributes for tag, attributes in shown.tags if attributes.get("class") == "row"]
    squares = [attributes for tag, attributes in shown.tags if attributes.get("class") == "square"]
    assert (len(rows), len(squares)) == (6, 24)
    assert "6 istemden 6 tanesi" in "".join(shown.text)
    assert "<title>got you" not in done.stdout
    assert [a for tag, a in shown.tags if tag == "img" and not a["src"].startswith("data:")] == []


def test_markdown_shows_pictures_that_are_there(
    run: tuple[Path, RunResults], written: dict[str, Path]
) -> None:
    _, results = run
    text = (written["tr"] / "report.md").read_text("utf-8")
    links = re.findall(r'<img src="([^"]+)"', text)
    drawn = [cell for cell in results.cells if cell.seed == 0 and cell.picture]
    assert len(links) == len(drawn)
    assert all((written["tr"] / link).is_file() for link in links)
    charts = re.findall(r"!\[.*?\]\((charts/\d+\.svg)\)", text)
    assert len(charts) >= 6
    for chart in charts:
        svg = Page((written["tr"] / chart).read_text("utf-8"))
        assert [tag for tag, _ in svg.tags if tag in ("script", "img", "a")] == []
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for line in rows:
        assert len(re.findall(r"(?<!\\)\|", line)) >= 3
    assert "<script" not in re.sub(r"(?s)```.*?```", "", text).replace("\\<", "")


def test_elsewhere_pictures_are_copied(run: tuple[Path, RunResults], tmp_path: Path) -> None:
    folder, results = run
    out = tmp_path / "elsewhere"
    write_study(results, compare(results, draws=100), folder, out, StudySettings("en", "", ("md",)))
    links = re.findall(r'<img src="([^"]+)"', (out / "report.md").read_text("utf-8"))
    assert links
    for link in links:
        assert link.startswith("pictures/")
        assert hashlib.sha256((out / link).read_bytes()).hexdigest() == Path(link).stem


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_agree_with_each_other(written: dict[str, Path], language: str) -> None:
    """CSV and JSON hold the same numbers under the same ids; every number of JSON is unrounded."""
    data = json.loads((written[language] / "tables.json").read_text("utf-8"))
    cells = {
        cell["id"]: cell
        for table in data["tables"]
        for row in table["rows"]
        for cell in row
        if isinstance(cell, dict)
    }
    with (written[language] / "tables.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["id"] for line in lines} == set(cells)
    assert len(lines) == len(cells)
    for line in lines:
        for part in ("value", "low", "high", "n"):
            found = cells[line["id"]].get(part)
            assert line[part] == ("" if found is None else str(found)), line
        assert not any(
            line[key].startswith(("=", "+", "-", "@")) for key in ("table", "row", "column", "reason")
        )
    interval = cells[f"means/{SUITE}//{TRUTH}/careful"]
    assert interval["low"] <= interval["value"] <= interval["high"]
    assert interval["n"] == 6


def test_latex_is_balanced(written: dict[str, Path]) -> None:
    text = (written["en"] / "tables.tex").read_text("utf-8")
    bare = re.sub(r"\\.", "", text)
    assert bare.count("{") == bare.count("}")
    assert text.count("\\begin{tabular}") == text.count("\\end{tabular}") > 10
    assert not re.search(r"(?<!\\)[#$]", text.replace("$-$", ""))
    for block in re.findall(r"(?s)\\hline\n(.*?)\\end\{tabular\}", text):
        ends = [len(re.findall(r"(?<!\\)&", line)) for line in block.split("\\\\\n") if "&" in line]
        assert len(set(ends)) == 1, "every row has as many cells"
    assert latex("a_b & 50% {x} \\ −1") == r"a\_b \& 50\% \{x\} \textbackslash{} $-$1"


def test_markdown_escapes() -> None:
    assert escape("a|b *c* <d> `e`\n[f](g)") == r"a\|b \*c\* \<d\> \`e\` \[f\](g)"


def test_pictures_that_are_gone_or_broken_say_so(run: tuple[Path, RunResults], tmp_path: Path) -> None:
    folder, results = run
    copy = tmp_path / "run"
    shutil.copytree(folder / "pictures", copy / "pictures")
    drawn = [cell for cell in results.cells if cell.path]
    gone, broken = copy / str(drawn[0].path), copy / str(drawn[1].path)
    gone.unlink()
    broken.write_bytes(broken.read_bytes()[:200])
    for embed in ("thumbnails", "all"):
        found = gather_pictures(results.cells, copy, tmp_path, embed)  # type: ignore[arg-type]
        assert set(found.problems) == {drawn[0].picture, drawn[1].picture}
        assert "No such file" in found.problems[str(drawn[0].picture)]
        assert len(found.data) == len({cell.picture for cell in drawn}) - 2
    assert found.side is None
    one = found.data[str(drawn[2].picture)]
    assert base64.b64decode(one.partition(",")[2]) == (copy / str(drawn[2].path)).read_bytes()
    write_study(results, compare(results, draws=100), copy, tmp_path, StudySettings(formats=("html",)))
    assert broken.name in (tmp_path / "report.html").read_text("utf-8")


def test_many_pictures_are_made_smaller(
    run: tuple[Path, RunResults], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All together stay under the limit, about."""
    folder, results = run
    whole = sum(len(uri) for uri in gather_pictures(results.cells, folder, tmp_path).data.values())
    monkeypatch.setattr(pictures_module, "LIMIT", whole * 0.8)
    found = gather_pictures(results.cells, folder, tmp_path)
    assert found.side == 96
    assert sum(len(uri) for uri in found.data.values()) <= whole * 0.85


def test_threshold() -> None:
    assert threshold([0.0, 1.0, 1.0], True) == 1.0
    assert threshold([0.0, 1.0, 1.0], False) == 0.0
    assert threshold([0.2, 0.9, 0.4], True) == 0.4
    assert threshold([], True) is None


def test_settings_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="docx: expected some of html, md, pdf"):
        StudySettings(formats=("html", "docx"))
    with pytest.raises(SettingError, match="expected some of"):
        StudySettings(formats=())
    with pytest.raises(SettingError, match="thumbnails or all"):
        StudySettings(embed="none", formats=("html",))  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="language 'fr'"):
        StudySettings("fr", formats=("html",))
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(PluginError, match=r"pip install 'tasvir\[pdf\]'"):
        StudySettings(formats=FORMATS)


def test_a_folder_that_cannot_be_written(run: tuple[Path, RunResults], tmp_path: Path) -> None:
    folder, results = run
    (tmp_path / "file").write_text("")
    comparison = compare(results, draws=100)
    with pytest.raises(OutputError, match="choose another with --out"):
        write_study(results, comparison, folder, tmp_path / "file", StudySettings(formats=("csv",)))


@pytest.mark.slow
def test_pdf(tmp_path: Path) -> None:
    """Text and pictures are in it, and nothing of the script."""
    weasyprint_or_skip()
    pypdf = pytest.importorskip("pypdf")
    models = {"careful": (0.05, 1.9), "careless": (0.75, 0.3)}
    results = build_picture_run(tmp_path, models=models, a_category=1, seeds=(0,), failing=0.0)
    results = replace(results, metrics=results.metrics[:1])
    settings = StudySettings("tr", "Başlık ışığı", ("pdf",))
    write_study(results, compare(results, draws=100), tmp_path, tmp_path / "out", settings)
    reader = pypdf.PdfReader(tmp_path / "out" / "report.pdf")
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert "Başlık ışığı" in text
    assert "3.1 İstem ve modele göre resimler" in text
    assert "IntersectionObserver" not in text
    assert "JavaScript" not in text
    assert sum(len(page.images) for page in reader.pages) >= 12
    assert not ImageFile.LOAD_TRUNCATED_IMAGES  # WeasyPrint turns it on for everybody


def test_no_pictures_no_cells(tmp_path: Path) -> None:
    """Empty runs are written up in every format but the PDF, which is the page."""
    results: Any = build_picture_run(tmp_path, a_category=1, seeds=(0,), failing=1.0)
    for empty in (results, replace(results, cells=(), models=(), prompts={}, suites={}, speeds=())):
        for language in LANGUAGES:
            settings = StudySettings(language, "", QUICK)
            write_study(empty, compare(empty, draws=100), tmp_path, tmp_path / language, settings)
            Page((tmp_path / language / "report.html").read_text("utf-8"))
