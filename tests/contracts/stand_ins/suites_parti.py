"""A made-up table of the same form."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tasvir.bench.importing import add_suite

TABLE = (
    'Prompt\tCategory\tChallenge\tNote\na kettle\tArtifacts\tBasic\t\ntwo "cups"\tArtifacts\tQuantity\tmugs\n'
)


def arguments() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="tasvir-suites-"))
    (folder / "PartiPrompts.tsv").write_text(TABLE, encoding="utf-8")
    add_suite("parti", str(folder), accept=True, root=folder)
    return {"folder": folder}
