"""Made-up prompts of the same form in two of its categories."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tasvir.bench.importing import add_suite


def arguments() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="tasvir-suites-"))
    (folder / "color_val.txt").write_bytes(b"a green kettle and a blue spoon\r\na red cup and a grey mat")
    (folder / "spatial_val.txt").write_bytes(b"a kettle on the left of a spoon\r\n")
    add_suite("t2i-compbench", str(folder), accept=True, root=folder)
    return {"folder": folder}
