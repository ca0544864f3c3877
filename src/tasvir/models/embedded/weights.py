"""The shipped weights: where they lie, and that they are what was shipped.

``weights/SHA256.json`` names every file with its hash. A file that is missing, altered or not named there is
an error, never a fallback. The environment variable ``TASVIR_WEIGHTS`` names another such folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from tasvir.errors import NotShippedError, WeightsError
from tasvir.models.fingerprint import of_hashes

VARIABLE = "TASVIR_WEIGHTS"
KINDS = frozenset({".safetensors", ".json"})
"""Suffixes of the files that make a model; others may lie about."""

RESTORE = "restore it: reinstall tasvir from where you got it, or in a checkout `git checkout -- {path}`"
RESTORE_OWN = (
    "put the model into that folder again with `tasvir train ship`, "
    f"or unset {VARIABLE} to use the shipped ones"
)


def root() -> Path:
    """The folder of all weights: what ``TASVIR_WEIGHTS`` names, else the package's. It may not exist yet."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    with as_file(files("tasvir.models.embedded") / "weights") as shipped:
        return shipped


def folder(name: str) -> Path:
    """The folder of one shipped model ("generator", "recogniser", "encoder", ...), every file's hash checked.

    Raises:
        NotShippedError: There are no weights of that model.
        WeightsError: A file is missing, altered or was not shipped; says how to restore it.
    """
    return _whole(root(), name)


def listed() -> dict[str, str]:
    """The hash of every shipped file by its path below `root`; empty where nothing is shipped.

    Raises:
        WeightsError: The list is damaged; says how to restore it.
    """
    return _hashes(root()) if (root() / "SHA256.json").is_file() else {}


def fingerprint_of(name: str) -> str:
    """The hash that tells one shipped model apart (`tasvir.models.fingerprint`), by the list of files alone.

    Raises:
        NotShippedError: There are no weights of that model.
        WeightsError: The list is damaged.
    """
    start = f"{name}/"
    found = {path.removeprefix(start): digest for path, digest in listed().items() if path.startswith(start)}
    if not found:
        raise NotShippedError(_not_shipped(root(), name))
    return of_hashes(found)


def forget() -> None:
    """Check hashes anew at the next call of `folder`; for whoever has just changed the files."""
    _whole.cache_clear()


def seal(root: Path) -> dict[str, str]:
    """Write SHA256.json for all files below ``root``; returns it. Used when new weights are put in."""
    hashes = {
        path.relative_to(root).as_posix(): _digest(path)
        for path in _files(root)
        if path != root / "SHA256.json"
    }
    (root / "SHA256.json").write_text(json.dumps(hashes, indent=2) + "\n", "utf-8")
    return hashes


@cache
def _whole(root: Path, name: str) -> Path:
    present = _files(root / name)
    if not present and not (root / "SHA256.json").exists():
        raise NotShippedError(_not_shipped(root, name))
    expected = {path: digest for path, digest in _hashes(root).items() if path.startswith(f"{name}/")}
    if not expected and not present:
        raise NotShippedError(_not_shipped(root, name))
    for relative, digest in expected.items():
        _check(root / relative, digest)
    for path in present:
        if path.relative_to(root).as_posix() not in expected:
            raise WeightsError(
                f"{path} is not one of the shipped files ({root / 'SHA256.json'} does not name it): "
                "remove it, or put your own weights in with `tasvir train ship`"
            )
    return root / name


def _not_shipped(root: Path, name: str) -> str:
    return (
        f"no weights of {name!r} are in {root}: reinstall tasvir from where you got it, or train the model "
        f"and put it in with `tasvir train ship`"
    )


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.suffix in KINDS)


def _hashes(root: Path) -> dict[str, str]:
    index = root / "SHA256.json"
    if not index.is_file():
        raise WeightsError(f"{index} is missing: {_restore(index)}")
    try:
        hashes = json.loads(index.read_text("utf-8"))
    except ValueError as problem:
        raise WeightsError(f"{index} is damaged ({problem}): {_restore(index)}") from problem
    if not isinstance(hashes, dict):
        raise WeightsError(f"{index} is damaged (it is no table of hashes): {_restore(index)}")
    return hashes


def _check(path: Path, digest: str) -> None:
    if not path.is_file():
        raise WeightsError(f"weight file {path} is missing: {_restore(path)}")
    if _digest(path) != digest:
        raise WeightsError(
            f"weight file {path} is damaged (its SHA-256 is not the shipped one): {_restore(path)}"
        )


def _restore(path: Path) -> str:
    return RESTORE_OWN if os.environ.get(VARIABLE) else RESTORE.format(path=path)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
