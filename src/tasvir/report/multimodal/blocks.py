"""What the page is made of, already in a language; HTML and Markdown show the same blocks."""

from __future__ import annotations

from dataclasses import dataclass

from tasvir.report.study.drawing import Chart


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a grid.

    Args:
        text: What it says.
        strong: Shown bold.
        small: Further lines below.
        tone: "good", "bad" or empty.
    """

    text: str
    strong: bool = False
    small: tuple[str, ...] = ()
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Sentences of one paragraph, or the points of a list; a quiet one is a remark."""

    sentences: tuple[str, ...]
    listed: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """Of a part of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first cell of a row names it.

    Args:
        caption: What it shows.
        head: A word a column.
        rows: As long as the head.
        notes: What to know to read it.
        folded: Whether it is opened by hand.
        prose: Whether its cells are sentences.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    folded: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG under the name of its file, without ending."""

    name: str
    png: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    note: str


Block = Text | Heading | Grid | Gallery | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A section with a place to link to; depth 2 or 3."""

    id: str
    title: str
    depth: int
    blocks: tuple[Block, ...]


def cells(*texts: str) -> tuple[Cell, ...]:
    return tuple(map(Cell, texts))
