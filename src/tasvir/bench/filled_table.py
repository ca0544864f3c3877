"""CSV tables that people fill in with a spreadsheet: ratings, answers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tasvir.errors import RecordError


def filled_table(path: Path, what: str) -> csv.DictReader[str]:
    """A table's rows by their column names, whatever the spreadsheet put before them and between.

    Args:
        path: UTF-8, with or without a mark at its head.
        what: What it holds, for the message: "ratings".

    Raises:
        RecordError: It cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise RecordError(f"cannot read the {what} {path}: {problem}; save them as CSV in UTF-8") from problem
    first = text.partition("\n")[0]  # spreadsheets of some countries separate by semicolons
    return csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
