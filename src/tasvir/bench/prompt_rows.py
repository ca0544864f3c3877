"""Rows of prompts in a file: lines of text, CSV, TSV or JSON lines; mistakes are told by line.

One reader for all who take prompts from files, so that a file means the same to each of them.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasvir.errors import SettingError, UnknownNameError, UserInputError
from tasvir.records import Prompt

TEXT_COLUMNS = ("prompt", "text", "caption")
"""What the column of prompts may be called, whatever its case; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One prompt of a file.

    Args:
        line: Where it begins, from 1.
        prompt: Its text, without spaces at its ends.
        fields: The other columns or members, by name as written; of CSV and TSV all are text.
    """

    line: int
    prompt: Prompt
    fields: dict[str, Any]

    def field(self, name: str) -> Any:
        """A field by its name whatever its case; None where it is not there or empty."""
        found = next((value for key, value in self.fields.items() if key.casefold() == name), None)
        return None if found == "" else found

    def name(self, index: int) -> str:
        """Its id, or one made of its place in the file (from 0) and its first words.

        Raises:
            SettingError: It cannot be the name of a folder.
        """
        given = self.field("id")
        name = f"{index:04d}-{self.prompt.slug}" if given is None else str(given)
        if name != Path(name).name or name.startswith(".") or not name.isprintable():
            raise SettingError(f"the id {name!r} is no folder name")
        return name


def read_rows(path: Path) -> list[PromptRow]:
    """All prompts of a file; what its name ends in says how it is written.

    ``.jsonl``: an object a line. ``.csv`` and ``.tsv``: a line of column names, then a row each; in TSV
    quotation marks are letters like others. Anything else: a prompt a line. Empty lines are passed over, and
    in text and JSON lines also lines that begin with #.

    Raises:
        UnknownNameError: The file cannot be read.
        SettingError: A line is wrong (its number is told), or there is no prompt.
    """
    return rows_in(bytes_of(path), path.suffix.lower(), str(path))


def bytes_of(path: Path) -> bytes:
    """A file of prompts as it is on disk.

    Raises:
        UnknownNameError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UnknownNameError(
            f"cannot read the prompts in {path}: {problem.strerror or problem}"
        ) from problem


def rows_in(data: bytes, suffix: str, where: str) -> list[PromptRow]:
    """See `read_rows`; messages call the file by ``where``."""
    text = decoded(data, where)
    if suffix == ".csv":
        rows = list(_table(text, where, delimiter=",", quoted=True))
    elif suffix == ".tsv":
        rows = list(_table(text, where, delimiter="\t", quoted=False))
    else:
        rows = list(_lines(text, where, in_json=suffix == ".jsonl"))
    if not rows:
        raise SettingError(f"{where} holds no prompts: write one a line")
    return rows


def decoded(data: bytes, where: str) -> str:
    """A file's bytes as text.

    Raises:
        SettingError: They are not UTF-8; the line is told.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise SettingError(f"{where}, line {line}: not UTF-8: save the file in that encoding") from problem


@contextmanager
def told_by_line(where: object, line: int) -> Iterator[None]:
    """Puts file and line before what is wrong with a row."""
    try:
        yield
    except (ValueError, RecursionError, UserInputError) as problem:
        raise SettingError(f"{where}, line {line}: {problem}") from problem


def checked_prompt(text: object) -> Prompt:
    """A prompt that can be drawn, shown on a terminal and written to a file.

    Raises:
        SettingError: It is no text, or holds control characters.
        PromptError: It is empty or too long.
        ValueError: It holds half of a surrogate pair, which JSON lets through.
    """
    if not isinstance(text, str):
        raise SettingError("no 'prompt' in it that is a text")
    text.encode()
    check_letters(text, "the prompt")
    return Prompt(text.strip())


def check_letters(text: str, what: str) -> None:
    """Refuse what would steer the terminal that shows it.

    Raises:
        SettingError: A control character other than the end of a line and the tab.
    """
    control = next((letter for letter in text if unicodedata.category(letter) == "Cc"), None)
    if control is not None and control not in "\n\t":
        raise SettingError(f"{what} holds the control character {control!r}: take it out")


def _lines(text: str, where: str, *, in_json: bool) -> Iterator[PromptRow]:
    for number, line in enumerate(text.split("\n"), 1):  # JSON may hold other ends of lines
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        with told_by_line(where, number):
            row = json.loads(line) if in_json else {"prompt": line.rstrip("\r")}
            if not isinstance(row, dict):
                raise SettingError('expected an object such as {"prompt": "a red car"}')
            named = _text_column(row)
            fields = {key: value for key, value in row.items() if key != named}
            yield PromptRow(number, checked_prompt(row.get(named)), fields)


def _table(text: str, where: str, *, delimiter: str, quoted: bool) -> Iterator[PromptRow]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        with told_by_line(where, number):
            cells = _cells(reader)
            if cells is None:
                return
            if not any(cells):
                continue
            if not header:
                header = _header(cells)
                continue
            if len(cells) != len(header):
                raise SettingError(f"{len(cells)} columns, but the first line names {len(header)}")
            row = dict(zip(header, cells, strict=True))
            prompt = checked_prompt(row.pop(_text_column(row)))
        yield PromptRow(number, prompt, row)


def _cells(reader: Any) -> list[str] | None:
    try:
        return [cell.strip() for cell in next(reader)]
    except StopIteration:
        return None
    except csv.Error as problem:
        raise SettingError(f"{problem} (is a quotation mark not closed, or not doubled?)") from problem


def _header(cells: list[str]) -> list[str]:
    if _text_column(dict.fromkeys(cells)) not in cells:
        raise SettingError(
            f"no column is called {', '.join(TEXT_COLUMNS[:-1])} or {TEXT_COLUMNS[-1]}: the first line must "
            f"name the columns, and it reads {', '.join(map(repr, cells))}"
        )
    double = next((cell for cell in cells if cells.count(cell) > 1), None)
    if double is not None:
        raise SettingError(f"two columns are called {double!r}")
    return cells


def _text_column(row: dict[str, Any]) -> str:
    """The name, as written, of what holds the prompt; "prompt" where nothing does."""
    by_name = {str(key).casefold(): str(key) for key in reversed(row)}
    return next((by_name[name] for name in TEXT_COLUMNS if name in by_name), "prompt")
