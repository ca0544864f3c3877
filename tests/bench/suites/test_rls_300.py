"""300 captions come out of the thesis, as text and as a PDF with pages, headers and divided words.

The captions themselves are not part of this repository: their checksum is.
"""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

from tasvir import registry
from tasvir.bench.base import Suite
from tasvir.bench.importing import add_suite
from tasvir.bench.numbered_list import document_text, numbered_list
from tasvir.bench.published import published_suites, texts_hash
from tasvir.errors import PluginError, SettingError

(KNOWN,) = published_suites()["rls-300"].versions


def test_the_thesis_as_text(thesis: Path, tmp_path: Path) -> None:
    told = add_suite("rls-300", str(thesis), root=tmp_path)
    prompts = registry.create("suites", "rls-300", Suite, folder=tmp_path).prompts()
    assert (told.rows, told.version, told.warnings) == (300, "appendix B", ())
    assert texts_hash(entry.text for entry in prompts) == KNOWN
    assert [entry.id for entry in prompts] == [f"{number:03d}" for number in range(1, 301)]
    assert len({entry.text for entry in prompts}) == 300
    assert all(entry.text.endswith(".") and entry.category == "" for entry in prompts)
    assert (
        texts_hash([prompts[0].text])[:8] == "d29a645e" and texts_hash([prompts[-1].text])[:8] == "64349f1e"
    )


def test_a_thesis_of_which_a_page_is_lost_is_refused(thesis: Path, tmp_path: Path) -> None:
    lines = thesis.read_text(encoding="utf-8").splitlines()
    cut = tmp_path / "thesis.txt"
    cut.write_text("\n".join(line for line in lines if not line.startswith("200. ")), encoding="utf-8")
    with pytest.raises(SettingError, match=r"it has 199 prompts, published are 300"):
        add_suite("rls-300", str(cut), root=tmp_path)


@pytest.fixture(scope="module")
def pdf() -> Callable[[str, str], bytes]:
    weasyprint = pytest.importorskip("weasyprint")

    def made(body: str, style: str) -> bytes:
        page = f"<html lang='en'><style>{style}</style><body>{body}</body></html>"
        document = weasyprint.HTML(string=page).write_pdf()
        assert isinstance(document, bytes)
        return document

    return made


PAGE = (
    "@page { size: A5; margin: 15mm; @top-left { content: 'A thesis on pictures' } @bottom-right { content: "
    "counter(page) } } body { font-size: 14pt } p { hyphens: auto; text-align: justify; width: 70mm }"
)


@pytest.mark.slow
def test_the_thesis_as_a_pdf(thesis: Path, tmp_path: Path, pdf: Callable[[str, str], bytes]) -> None:
    """The end of the thesis (some of appendix A, appendix B, publications) with headers and divided words."""
    lines = thesis.read_text(encoding="utf-8").splitlines()[-360:]
    body = "".join(f"<p>{escape(line)}</p>" for line in lines if line.strip())
    file = tmp_path / "thesis.pdf"
    file.write_bytes(pdf(body, PAGE))
    told = add_suite("rls-300", str(file), root=tmp_path)
    assert (told.rows, told.version, told.warnings) == (300, "appendix B", ())
    assert "300 entries that went over several lines put together" in told.notes


def test_lists_are_put_together_over_lines_and_pages() -> None:
    text = (
        "1. Contents 5\n2. Methods 9\n\nB. Captions\n"
        "1. A cook is holding a ket-\ntle and  a chain-\nlink fence is behind.\n137\n\fPage 138 of a thesis\n"
        "2. A cup.\n3.\nA chain and\n\fPage 139 of a thesis\na link of a \ufb01ne mat\u00ad\nter nearby.\n"
        "\fPage 140 of a thesis\n4. It\u2019s late,\nnearby.\n\nReferences\n1. Someone, 2020.\n"
    )
    notes: list[str] = []
    assert numbered_list(text, notes) == [
        "A cook is holding a kettle and a chain-link fence is behind.",
        "A cup.",
        "A chain and a link of a fine matter nearby.",
        "It's late, nearby.",
    ]
    assert notes == [
        "3 entries that went over several lines put together",
        "1 lines between entries passed over (page numbers, titles)",
    ]


def test_a_list_ends_where_its_next_number_does_not_come() -> None:
    lines = ["1. One.", "2. Two.", *[f"Line {number} of a chapter" for number in range(20)], "3. Three."]
    assert numbered_list("\n".join(lines), []) == ["One.", "Two."]
    assert numbered_list("no list at all", []) == []


def test_a_pdf_that_cannot_be_read(tmp_path: Path, pdf: Callable[[str, str], bytes]) -> None:
    whole = pdf("<p>1. A cup.</p>", PAGE)
    with pytest.raises(SettingError, match="cannot be read as a PDF"):
        document_text(whole[:100], "thesis.pdf")
    with pytest.raises(SettingError, match="without text"):
        document_text(pdf("<p></p>", ""), "thesis.pdf")


def test_without_pypdf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.startswith("pypdf"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginError, match=r"pip install 'tasvir\[pdf\]'"):
        document_text(io.BytesIO(b"%PDF-1.7").read(), "thesis.pdf")
