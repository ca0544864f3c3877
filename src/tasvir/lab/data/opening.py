"""Data by the name that a user types: "2d:moons", "digits", "mnist", "idx:FOLDER", "folder:FOLDER"."""

from __future__ import annotations

from pathlib import Path

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.data import cifar, digits, idx, pictures, points, sphere, tokens
from tasvir.lab.data.base import Data

KNOWN = (
    *(f"2d:{name}" for name in points.NAMES),
    *(f"tokens:{name}" for name in tokens.NAMES),
    *(f"sphere:{name}" for name in sphere.NAMES),
    *("digits", "mnist", "fashion-mnist", "cifar10", "idx:FOLDER", "folder:FOLDER"),
)
"""What `open_data` opens, for messages."""


def open_data(name: str, root: Path | None = None, *, size: int | None = None) -> Data:
    """Open data by name.

    Args:
        name: One of `KNOWN`; "idx:FOLDER" and "cifar10:PATH" read the user's own copies, "folder:FOLDER"
            pictures of any size.
        root: Folder that holds a folder "mnist", "fashion-mnist" or "cifar10" each.
        size: Side in pixels of the pictures of a folder; None = 32.

    Raises:
        UnknownNameError: No such data, or they are not there; says how to bring them.
        SettingError: A size where none can be chosen, or a package of ``tasvir[lab]`` is missing.
        RecordError: A file is damaged.
    """
    kind, _, rest = name.partition(":")
    if size is not None and kind != "folder":
        raise SettingError(f"--size means nothing to {name}: it is for folder:FOLDER")
    if kind == "2d":
        return points.read(rest)
    if kind == "sphere":
        return sphere.read(rest)
    if kind == "tokens":
        return tokens.read(rest)
    if name == "digits":
        return digits.read()
    if kind == "idx" and rest:
        return idx.read(Path(rest).expanduser(), name)
    if kind == "folder" and rest:
        return pictures.read(Path(rest).expanduser(), size or pictures.SIZE)
    if kind == "cifar10":
        return cifar.read(Path(rest).expanduser() if rest else _kept("cifar10", root))
    if name in ("mnist", "fashion-mnist"):
        return idx.read(_kept(name, root), name)
    raise UnknownNameError(f"no data are called {name!r}; known: {', '.join(KNOWN)}")


def _kept(name: str, root: Path | None) -> Path:
    """The folder of downloaded data."""
    if root is None or not (root / name).is_dir():
        own = "cifar10:PATH" if name == "cifar10" else "idx:FOLDER"
        raise UnknownNameError(
            f"{name} is not on this machine: bring it with `tasvir lab data {name}` (from the net) or "
            f"`tasvir lab data {name} --from FOLDER` (your own files), or train on {own}"
        )
    return root / name
