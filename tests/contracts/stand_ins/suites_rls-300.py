"""A made-up document with a numbered list."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tasvir.bench.importing import add_suite

DOCUMENT = (
    "B THE LIST\n\n1. A cook is holding a kettle and a mat is nearby.\n\n137\n2. A cup is on a\ntable.\n"
)


def arguments() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="tasvir-suites-"))
    (folder / "thesis.txt").write_text(DOCUMENT, encoding="utf-8")
    add_suite("rls-300", str(folder / "thesis.txt"), accept=True, root=folder)
    return {"folder": folder}
