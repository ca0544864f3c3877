"""The shipped weights: where they lie, and that they are what was shipped.

``weights/SHA256.json`` names every file with its hash. A file that is missing or altered is an error, never a
fallback.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from tasvir.errors import WeightsError

RESTORE = (
    "restore it with `pip install --force-reinstall --no-deps tasvir`, "
    "or in a checkout with `git checkout -- {path}`"
)


@cache
def folder(name: str) -> Path:
    """The folder of one shipped model ("generator", "recogniser", "oracle"), every file's hash checked.

    Raises:
        WeightsError: A file is missing or altered, or the model is not shipped; says how to restore it.
    """
    with as_file(files("tasvir.models.embedded") / "weights") as root:
        expected = {path: digest for path, digest in _hashes(root).items() if path.startswith(f"{name}/")}
        if not expected:
            raise WeightsError(f"no weights of {name!r} are shipped in {root}: reinstall tasvir")
        for path, digest in expected.items():
            _check(root / path, digest)
        return root / name


def seal(root: Path) -> dict[str, str]:
    """Write SHA256.json for all files below ``root``; returns it. Used when new weights are put in."""
    hashes = {
        path.relative_to(root).as_posix(): _digest(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "SHA256.json" and path.suffix in {".safetensors", ".json"}
    }
    (root / "SHA256.json").write_text(json.dumps(hashes, indent=2) + "\n", "utf-8")
    return hashes


def _hashes(root: Path) -> dict[str, str]:
    index = root / "SHA256.json"
    if not index.is_file():
        raise WeightsError(f"{index} is missing: {RESTORE.format(path=index)}")
    try:
        hashes: dict[str, str] = json.loads(index.read_text("utf-8"))
    except ValueError as problem:
        raise WeightsError(f"{index} is damaged ({problem}): {RESTORE.format(path=index)}") from problem
    return hashes


def _check(path: Path, digest: str) -> None:
    if not path.is_file():
        raise WeightsError(f"weight file {path} is missing: {RESTORE.format(path=path)}")
    if _digest(path) != digest:
        raise WeightsError(
            f"weight file {path} is damaged (its SHA-256 is not the shipped one): {RESTORE.format(path=path)}"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
