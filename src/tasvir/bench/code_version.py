"""Hashes of the code that draws and that scores: what a kept picture or score hangs on besides weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

import tasvir

WORLD = ("world/*.*", "world/sprites/*", "world/backgrounds/*")
DRAWING_CODE = (
    *("pipeline.py", "loop.py", "layout.py", "codecs/**/*", "guide/**/*", "generate/**/*", *WORLD),
    "bench/methods.py",
    *("models/*.py", "models/embedded/*.py", "models/hub/*", "models/gligen/*", "models/control/*"),
    "models/mllm/*.py",
)
"""Globs in the package of the code that any of our models draws with."""
NOT_DRAWING = (
    *("models/embedded/oracle*.py", "models/fingerprint.py", "models/opening.py", "models/devices.py"),
    *("generate/editors/*", "generate/*edit*.py", "generate/kept.py", "generate/queue.py"),
    *("models/mllm/ledger.py", "models/mllm/prices.py", "models/mllm/store.py"),
)
"""What of it cannot change a picture."""
_KINDS = frozenset({".py", ".toml", ".svg", ".md", ".json"})


@cache
def drawing_code() -> str:
    """16 hexadecimal digits that change with the code that draws."""
    lines = code_lines(DRAWING_CODE, NOT_DRAWING, _KINDS)
    return sha256("".join(lines).encode()).hexdigest()[:16]


def code_lines(
    patterns: Sequence[str], without: Sequence[str] = (), kinds: frozenset[str] = _KINDS
) -> tuple[str, ...]:
    """A line a file: its hash and its path in the package, in the order of paths."""
    root = Path(tasvir.__file__).parent
    paths = {path for pattern in patterns for path in root.glob(pattern)}
    paths -= {path for pattern in without for path in root.glob(pattern)}
    return tuple(
        f"{sha256(path.read_bytes()).hexdigest()} {path.relative_to(root).as_posix()}\n"
        for path in sorted(paths)
        if path.suffix in kinds
    )
