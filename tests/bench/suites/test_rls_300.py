"""300 captions come out of the thesis, as text and as a PDF with pages, headers and divided words.

The captions themselves are not part of this repository: their checksum is.
"""

from __future__ import annotations

import builtins
import textwrap
from html import escape
from pathlib import Path
from typing import Any

import pytest
from paper import weasyprint_or_skip

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


def plain_pdf(pages: list[list[str]]) -> bytes:
    """A PDF of lines of text in Helvetica, written by hand (ISO 32000-1, 7.5 and 9.4)."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        shown = "\n".join(f"({line}) Tj T*" for line in lines)
        stream = f"BT /F1 10 Tf 12 TL 50 800 Td\n{shown}\nET".encode("cp1252")
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * number} 0 R "
        objects.append(f"{page}/Resources << /Font << /F1 3 0 R >> >> >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return data + f"{end}startxref\n{len(data)}\n%%EOF\n".encode()


def test_three_hundred_made_up_captions_in_a_pdf(tmp_path: Path) -> None:
    """Broken at 30 letters, 40 lines a page, under a header with the page's number."""
    captions = [f"A cook with {number} spoons is standing near kettle {number % 7}." for number in range(300)]
    lines = [
        line
        for number, caption in enumerate(captions, 1)
        for line in textwrap.wrap(f"{number}. {caption}", 30)
    ]
    pages = [[f"Page {start} of a thesis", *lines[start : start + 40]] for start in range(0, len(lines), 40)]
    file = tmp_path / "thesis.pdf"
    file.write_bytes(plain_pdf(pages))
    told = add_suite("rls-300", str(file), root=tmp_path)
    found = registry.create("suites", "rls-300", Suite, folder=tmp_path).prompts()
    assert [entry.text for entry in found] == captions
    assert told.version is None and "not those of a version that is known" in told.warnings[0]


PAGE = (
    "@page { size: A5; margin: 15mm; @top-left { content: 'A thesis on pictures' } @bottom-right { content: "
    "counter(page) } } body { font-size: 14pt } p { hyphens: auto; text-align: justify; width: 70mm }"
)


@pytest.mark.slow
def test_the_thesis_as_a_pdf(thesis: Path, tmp_path: Path) -> None:
    """The end of the thesis (some of appendix A, appendix B, publications) with headers and divided words."""
    weasyprint = weasyprint_or_skip()
    lines = thesis.read_text(encoding="utf-8").splitlines()[-360:]
    body = "".join(f"<p>{escape(line)}</p>" for line in lines if line.strip())
    file = tmp_path / "thesis.pdf"
    page = f"<html lang='en'><style>{PAGE}</style><body>{body}</body></html>"
    file.write_bytes(weasyprint.HTML(string=page).write_pdf())
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


def test_a_pdf_that_cannot_be_read() -> None:
    with pytest.raises(SettingError, match="cannot be read as a PDF"):
        document_text(plain_pdf([["1. A cup."]])[:100], "thesis.pdf")
    with pytest.raises(SettingError, match="without text"):
        document_text(plain_pdf([[]]), "thesis.pdf")


def test_without_pypdf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.startswith("pypdf"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginError, match=r"pip install 'tasvir\[pdf\]'"):
        document_text(b"%PDF-1.7", "thesis.pdf")
