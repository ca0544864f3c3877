"""A made-up table of the same form."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tasvir.bench.importing import add_suite


def arguments() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="tasvir-suites-"))
    (folder / "DrawBench.txt").write_text(
        "A green kettle.\tColors\nFour spoons.\tCounting\n", encoding="utf-8"
    )
    add_suite("drawbench", str(folder), accept=True, root=folder)
    return {"folder": folder}
