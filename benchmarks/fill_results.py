"""Writes measured figures into the result cells of documents.

A cell stands between two comments, <!-- result:NAME --> and <!-- /result -->. The figures are a JSON object
of names and texts, {"help_seconds": "SECONDS, n N"}:

    python benchmarks/fill_results.py figures.json README.md docs/notebook.md

Cells without a figure stay as they are; a figure without a cell is an error, so that none is lost.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

CELL = re.compile(r"(<!-- result:(?P<name>\w+) -->)(?P<text>.*?)(<!-- /result -->)", re.DOTALL)


def fill(text: str, figures: Mapping[str, str]) -> tuple[str, set[str]]:
    """The text with its cells filled, and the names of the cells that got a figure."""
    used = {match["name"] for match in CELL.finditer(text)} & set(figures)

    def put(match: re.Match[str]) -> str:
        return f"{match[1]}{figures.get(match['name'], match['text'])}{match[4]}"

    return CELL.sub(put, text), used


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", type=Path, help="JSON file of names and texts")
    parser.add_argument("documents", type=Path, nargs="+", help="Markdown files")
    asked = parser.parse_args(arguments)
    figures: dict[str, str] = json.loads(asked.figures.read_text("utf-8"))
    filled = {path: fill(path.read_text("utf-8"), figures) for path in asked.documents}
    lost = set(figures) - set().union(*(used for _, used in filled.values()))
    if lost:
        parser.error(f"no document has a cell for {', '.join(sorted(lost))}")
    for path, (text, used) in filled.items():
        path.write_text(text, "utf-8")
        print(f"{path}: {len(used)} cells filled")


if __name__ == "__main__":
    main()
