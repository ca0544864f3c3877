"""Builds the course: every page of docs/lab/course/source becomes an executed notebook beside it.

    python scripts/course.py            # all pages
    python scripts/course.py 03 11      # those whose names begin so

A page is Markdown; its fenced Python blocks are the code cells.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

COURSE = Path(__file__).parents[1] / "docs" / "lab" / "course"
CODE = re.compile(r"^```python\n(.*?)^```\n?", re.M | re.S)
LOOK = "figure.dpi: 70\nfigure.figsize: 7, 2.8\nfigure.constrained_layout.use: True\naxes.titlesize: medium\n"


def cells_of(page: str) -> list[tuple[str, str]]:
    """("markdown" or "code", text) of a page's cells, in order."""
    parts = CODE.split(page)
    kinds = ("markdown", "code")
    return [(kinds[i % 2], part.strip()) for i, part in enumerate(parts) if part.strip()]


def notebook_of(page: str) -> nbformat.NotebookNode:
    """A notebook without outputs; cells are numbered, so that the same page gives the same file."""
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [make[kind](text, id=f"cell-{number}") for number, (kind, text) in enumerate(cells_of(page))]
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )


def execute(notebook: nbformat.NotebookNode, seconds: int = 300) -> None:
    """Run all cells in place.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        look = Path(folder) / "matplotlibrc"
        look.write_text(LOOK, "utf-8")
        variables = os.environ | {"MATPLOTLIBRC": str(look), "OMP_NUM_THREADS": "1"}
        variables.pop("MPLBACKEND", None)
        client = NotebookClient(notebook, timeout=seconds, kernel_name="python3", record_timing=False)
        client.execute(cwd=folder, env=variables)
    notebook.metadata["language_info"] = {"name": "python"}


def main(wanted: list[str]) -> None:
    """Build the pages that are wanted, or all."""
    for page in sorted((COURSE / "source").glob("*.md")):
        if wanted and not page.name.startswith(tuple(wanted)):
            continue
        began = time.perf_counter()
        notebook = notebook_of(page.read_text("utf-8"))
        execute(notebook)
        nbformat.write(notebook, COURSE / f"{page.stem}.ipynb")
        print(f"{page.stem}: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
