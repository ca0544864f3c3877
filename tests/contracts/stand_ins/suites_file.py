"""A file of two prompts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def arguments() -> dict[str, Any]:
    file = Path(tempfile.mkdtemp(prefix="tasvir-suites-")) / "mine.csv"
    file.write_text("prompt,category\na green kettle,colour\nfour spoons,number\n", encoding="utf-8")
    return {"model": str(file)}
