"""Made-up lines of the same form."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tasvir.bench.importing import add_suite

ROWS = [
    {
        "tag": "counting",
        "include": [{"class": "cup", "count": 3}],
        "exclude": [{"class": "cup", "count": 4}],
        "prompt": "a picture of three cups",
    },
    {
        "tag": "position",
        "include": [
            {"class": "cup", "count": 1},
            {"class": "dog", "count": 1, "position": ["left of", 0]},
        ],
        "prompt": "a picture of a dog left of a cup",
    },
]


def arguments() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="tasvir-suites-"))
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (folder / "evaluation_metadata.jsonl").write_text(lines, encoding="utf-8")
    add_suite("geneval", str(folder), accept=True, root=folder)
    return {"folder": folder}
