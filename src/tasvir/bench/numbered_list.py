"""Reads a long numbered list of sentences out of a document: text, or a PDF.

A document breaks lists by pages, and lines by its width. An entry begins where the next number stands at the
beginning of a line; until it ends with a full stop, further lines belong to it; what comes between that and
the next number (page numbers, titles, empty lines) is passed over.
"""

from __future__ import annotations

import io
import re
from collections import Counter

from tasvir.errors import PluginError, SettingError

FURNITURE = 12
"""Lines that may stand between two entries; more, and the list has ended."""
PAGE_END = "\f"
HEADER_LINES, HEADER_PAGES = 2, 3
"""One of so many first or last lines of a page that is there on so many pages, but for its numbers, is a
header or footer."""
_LETTERS = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "’": "'", "\u00a0": " "})
_DIVIDERS = ("\u00ad", "\u2010")
"""Signs that at the end of a line only divide a word; a minus may also join two."""
_DIVIDED = re.compile(r"([^\W\d_]+)[-\u00ad\u2010]\n([^\W\d_]+)")
_ENTRY = re.compile(r"\s*(\d{1,4})\s?[.)](?:\s+(.*))?")
_PAGE_NUMBER = re.compile(r"[\s\d.-]*|[ivxlc]+")


def document_text(data: bytes, where: str) -> str:
    """All text of a PDF, with `PAGE_END` between its pages.

    Raises:
        PluginError: pypdf is not installed.
        SettingError: The file cannot be read as a PDF, or its pages hold no text.
    """
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError as problem:
        raise PluginError(
            f"{where} is a PDF, and reading one needs pypdf: pip install 'tasvir[pdf]', or give its text"
        ) from problem
    try:
        text = PAGE_END.join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise SettingError(f"{where} cannot be read as a PDF ({problem}): give its text instead") from problem
    if not text.strip():
        raise SettingError(f"{where} is a PDF without text, as scanned pages are: give its text instead")
    return text


def numbered_list(text: str, notes: list[str]) -> list[str]:
    """The longest list of the text that counts 1, 2, 3 ... without a gap.

    Args:
        text: The whole document.
        notes: Takes a sentence for what was put together or passed over.
    """
    lines = _without_headers(text.translate(_LETTERS).split(PAGE_END))
    starts = [index for index, line in enumerate(lines) if _number(line) == 1]
    reader = _Reader(lines)
    lists = [reader.read(start) for start in starts]
    entries, joined, passed_over = max(lists, key=lambda found: len(found[0]), default=([], 0, 0))
    if joined:
        notes.append(f"{joined} entries that went over several lines put together")
    if passed_over:
        notes.append(f"{passed_over} lines between entries passed over (page numbers, titles)")
    return entries


def _without_headers(pages: list[str]) -> list[str]:
    """The lines of all pages with single spaces and without what stands on every page."""
    split = [[" ".join(line.split()) for line in page.splitlines() if line.strip()] for page in pages]
    edges = [{*page[:HEADER_LINES], *page[-HEADER_LINES:]} for page in split]
    edges = [{line for line in lines if _number(line) is None and not _is_whole(line)} for lines in edges]
    counts = Counter(form for lines in edges for form in {_without_numbers(line) for line in lines})
    return [
        line
        for page, lines in zip(split, edges, strict=True)
        for line in page
        if not (line in lines and counts[_without_numbers(line)] >= HEADER_PAGES)
    ]


def _without_numbers(line: str) -> str:
    return re.sub(r"\d+", "0", line)


class _Reader:
    """Reads lists that begin at some line of a document."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        whole = _DIVIDED.sub("", "\n".join(lines).lower())  # halves of words are no words
        self._words = set(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)?", whole))

    def read(self, start: int) -> tuple[list[str], int, int]:
        """The entries, how many of them were put together from lines, and how many lines were passed over."""
        entries: list[str] = []
        joined: set[int] = set()
        passed_over = between = 0
        for line in self._lines[start:]:
            if _number(line) == len(entries) + 1:
                entries.append(_after_number(line))
                passed_over, between = passed_over + between, 0
            elif _number(line) == 1:
                break  # another list
            elif not line or _PAGE_NUMBER.fullmatch(line) or _is_whole(entries[-1]):
                between += bool(line)
                if between > FURNITURE:
                    break
            else:
                if entries[-1]:
                    joined.add(len(entries))
                entries[-1] = self._joined(entries[-1], line)
        return [entry.replace("\u2010", "-") for entry in entries], len(joined), passed_over

    def _joined(self, before: str, line: str) -> str:
        """Two lines as one; a word that was divided between them is put together."""
        if before.endswith(_DIVIDERS):
            return before[:-1] + line
        divided = _DIVIDED.search(f"{before}\n{line}".lower())
        if divided is None:
            return f"{before} {line}".strip()
        compound = "-" in before.split()[-1][:-1]  # merry-go-
        return (before if compound or self._keeps_hyphen(*divided.groups()) else before[:-1]) + line

    def _keeps_hyphen(self, first: str, second: str) -> bool:
        """What the document says elsewhere: the word whole, with its hyphen, or its parts as words."""
        if first + second in self._words:
            return False
        return f"{first}-{second}" in self._words or {first, second} <= self._words


def _after_number(line: str) -> str:
    match = _ENTRY.fullmatch(line)
    return (match[2] or "") if match else ""


def _number(line: str) -> int | None:
    match = _ENTRY.fullmatch(line)
    return int(match[1]) if match else None


def _is_whole(entry: str) -> bool:
    return entry.endswith((".", "!", "?", '."'))
