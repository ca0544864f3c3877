"""Reads a long numbered list of sentences out of a document: text, or a PDF.

A document breaks lists by pages, and lines by its width. An entry begins where the next number stands at the
beginning of a line; until it ends with a full stop, further lines belong to it; what comes between that and
the next number (page numbers, headers, empty lines) is passed over.
"""

from __future__ import annotations

import io
import re
from collections import Counter

from tasvir.errors import PluginError, SettingError

FURNITURE = 12
"""Lines that may stand between two entries; more, and the list has ended."""
HEADER_TIMES = 3
"""A line that is there so often in a document is a header, and belongs to no entry."""
_LETTERS = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "’": "'", "‐": "-", "\u00a0": " "}
)
_ENTRY = re.compile(r"\s*(\d{1,4})\s?[.)](?:\s+(.*))?")
_PAGE_NUMBER = re.compile(r"[\s\d.-]*|[ivxlc]+")


def document_text(data: bytes, where: str) -> str:
    """All text of a PDF, page by page.

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
        text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
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
    lines = [line.strip() for line in text.translate(_LETTERS).splitlines()]
    starts = [index for index, line in enumerate(lines) if _number(line) == 1]
    reader = _Reader(lines)
    lists = [reader.read(start) for start in starts]
    entries, joined, passed_over = max(lists, key=lambda found: len(found[0]), default=([], 0, 0))
    if joined:
        notes.append(f"{joined} entries that went over several lines put together")
    if passed_over:
        notes.append(f"{passed_over} lines between entries passed over (page numbers, headers)")
    return entries


class _Reader:
    """Reads lists that begin at some line of a document."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._words = set(re.findall(r"[^\W\d_]+", " ".join(lines).lower()))
        self._headers = {line for line, count in Counter(lines).items() if count >= HEADER_TIMES}

    def read(self, start: int) -> tuple[list[str], int, int]:
        """The entries, how many of them were put together from lines, and how many lines were passed over."""
        entries: list[str] = []
        joined: set[int] = set()
        passed_over = between = 0
        for line in self._lines[start:]:
            if _number(line) == len(entries) + 1:
                entries.append(_after_number(line))
                passed_over, between = passed_over + between, 0
            elif not line or _PAGE_NUMBER.fullmatch(line) or line in self._headers or _is_whole(entries[-1]):
                between += bool(line)
                if between > FURNITURE:
                    break
            else:
                if entries[-1]:
                    joined.add(len(entries))
                entries[-1] = self._joined(entries[-1], line)
        return entries, len(joined), passed_over

    def _joined(self, before: str, line: str) -> str:
        """Two lines as one; a word that was divided between them is put together."""
        if before.endswith("\u00ad"):
            return before[:-1] + line
        divided = re.search(r"(\w+)-$", before), re.match(r"\w+", line)
        if not (divided[0] and divided[1]):
            return f"{before} {line}".strip()
        first, second = divided[0][1].lower(), divided[1][0].lower()
        compound = first + second not in self._words and {first, second} <= self._words
        return (before if compound else before[:-1]) + line


def _after_number(line: str) -> str:
    match = _ENTRY.fullmatch(line)
    return (match[2] or "") if match else ""


def _number(line: str) -> int | None:
    match = _ENTRY.fullmatch(line)
    return int(match[1]) if match else None


def _is_whole(entry: str) -> bool:
    return entry.endswith((".", "!", "?", '."'))
