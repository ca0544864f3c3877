"""Which weights a folder holds, told by a hash, so that two runs of one name can be told apart.

Large files are hashed once: what came out is kept in the user's cache by path, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tasvir.errors import UnknownNameError

MODEL_FILES = frozenset({".safetensors", ".json", ".txt", ".model", ".jinja", ".py"})
"""Suffixes of files that change what a model does."""
BESIDE = frozenset({"figures.json", "agreement.json"})
"""Files beside the weights that say something of a model but change nothing of what it does."""
LARGE = 2**26
"""Bytes from which on a file's hash is kept."""


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits that tell a model's files apart; where they lie does not matter.

    Raises:
        UnknownNameError: There is no such folder, or it holds no model.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in MODEL_FILES)
    if not any(path.suffix == ".safetensors" for path in files):
        raise UnknownNameError(f"{folder} holds no weights (.safetensors): give the folder of a model")
    return of_hashes({path.relative_to(folder).as_posix(): file_hash(path) for path in files})


def of_hashes(hashes: Mapping[str, str]) -> str:
    """The same of files whose SHA-256 are known, by their path in the folder."""
    lines = [f"{digest} {path}\n" for path, digest in sorted(hashes.items()) if Path(path).name not in BESIDE]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def file_hash(path: Path) -> str:
    """SHA-256 of a file; a large one is read once for each time that it was changed."""
    status = path.stat()
    if status.st_size < LARGE:
        return _read(path)
    key = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    known = _known()
    if key not in known:
        known[key] = _read(path)
        _keep(known)
    return known[key]


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _file() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache"
    return root / "tasvir" / "hashes.json"


def _known() -> dict[str, str]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(known: dict[str, str]) -> None:
    """Where the cache cannot be written, the next run hashes again."""
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        fresh = _file().with_name(f"hashes.json.{os.getpid()}")
        fresh.write_text(json.dumps(known), encoding="utf-8")
        fresh.replace(_file())
