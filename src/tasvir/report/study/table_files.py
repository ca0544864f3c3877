"""The tables as files: CSV with a line a value, LaTeX, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from tasvir import __version__
from tasvir.report.study.study import Study
from tasvir.report.study.values import Entry, Part, Sheet, Statement, Value
from tasvir.report.study.words import Words

FORMAT = "tasvir-tables/1"
COLUMNS = ("table", "row", "column", "value", "low", "high", "n", "reason", "id")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\u2212": r"$-$",
    "\u2013": "--",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(study: Study, words: Words) -> str:
    """Every value on a line of its own, whole numbers and decimals with a point; texts in the language."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sheet in study.sheets.values():
        for row in sheet.rows:
            begin = [words(entry) for entry in row if not isinstance(entry, Value)]
            for head, entry in zip(sheet.head, row, strict=True):
                if isinstance(entry, Value):
                    numbers = (entry.value, entry.low, entry.high, entry.n)
                    name = begin[0] if begin else words(row[0])
                    writer.writerow(
                        [
                            *map(_plain, (words(sheet.caption), name, words(head))),
                            *("" if number is None else number for number in numbers),
                            _plain(entry.reason),
                            entry.id,
                        ]
                    )
    return buffer.getvalue()


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_latex(study: Study, words: Words) -> str:
    """A ``table`` with a ``tabular`` for each sheet; needs no package but a font with the letters."""
    parts = [_latex_sheet(sheet, words) for sheet in study.sheets.values()]
    return f"% tasvir {__version__}\n" + "\n".join(parts)


def _latex_sheet(sheet: Sheet, words: Words) -> str:
    lines = [" & ".join(latex(words(head)) for head in sheet.head)]
    lines += [" & ".join(_latex_entry(entry, words) for entry in row) for row in sheet.rows]
    body = " \\\\\n".join(lines[1:])
    return (
        "\\begin{table}\n"
        f"\\caption{{{latex(words(sheet.caption))}}}\n"
        f"\\begin{{tabular}}{{l{'r' * (len(sheet.head) - 1)}}}\n\\hline\n"
        f"{lines[0]} \\\\\n\\hline\n{body} \\\\\n\\hline\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _latex_entry(entry: Entry, words: Words) -> str:
    text = latex(words(entry))
    if isinstance(entry, Value):
        interval = words.numbers.interval(entry)
        return f"{text} {{\\scriptsize {latex(interval)}}}" if interval else text
    return text


def latex(text: str) -> str:
    """A text as LaTeX shows it."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def as_json(study: Study, words: Words, said: Iterable[Statement]) -> str:
    """Every table, every value as a number and as it is written, and every sentence with what backs it."""
    data = {
        "format": FORMAT,
        "version": __version__,
        "language": words.language,
        "tables": [_json_sheet(sheet, words) for sheet in study.sheets.values()],
        "statements": [
            {"key": one.message.key, "text": words(one), "evidence": list(one.evidence)} for one in said
        ],
    }
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)


def _json_sheet(sheet: Sheet, words: Words) -> dict[str, Any]:
    return {
        "id": sheet.id,
        "caption": words(sheet.caption),
        "head": [words(head) for head in sheet.head],
        "notes": [words(note) for note in sheet.notes],
        "rows": [[_json_entry(entry, words) for entry in row] for row in sheet.rows],
    }


def _json_entry(entry: Entry, words: Words) -> Any:
    if not isinstance(entry, Value):
        return words(entry)
    parts: tuple[Part, ...] = ("value", "low", "high", "n")
    there = [part for part in parts if getattr(entry, part) is not None]
    return {**entry.to_dict(), "written": {part: words.numbers.write(entry, part) for part in there}}
