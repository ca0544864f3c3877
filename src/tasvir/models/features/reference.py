"""The set that others are compared with: a folder of pictures, or features that were kept of one.

What identifies it is a hash over its pictures' bytes, so that renaming or moving files changes nothing and a
changed picture shows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tasvir.errors import OutputError, SettingError
from tasvir.models.features.base import FeatureExtractor

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
FORMAT = "tasvir-features/1"
READ_AT_ONCE = 64
"""Pictures that are in memory together."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Features of a reference set.

    Args:
        features: [n, d] float64.
        sha256: Of the pictures that they are of.
        source: Name of the folder or file.
    """

    features: NDArray[np.float64]
    sha256: str
    source: str


def hash_of(source: str) -> str:
    """What `Reference.sha256` will be, without looking at the pictures.

    Raises:
        SettingError: Neither a folder of pictures nor a file of kept features.
    """
    path = Path(source).expanduser()
    return _kept(path)["pictures"] if path.is_file() else _hash(_pictures(path))


def read_reference(source: str, extractor: FeatureExtractor) -> Reference:
    """Features of a folder's pictures (subfolders included), or those that `keep_reference` wrote.

    Args:
        source: Path of the folder or of the .safetensors file.
        extractor: Whose features are wanted.

    Raises:
        SettingError: There is no such set, a picture cannot be opened, or the kept features are another
            extractor's.
    """
    path = Path(source).expanduser()
    if path.is_file():
        about = _kept(path)
        if json.loads(about["identity"]) != json.loads(json.dumps(extractor.identity)):
            raise SettingError(
                f"{path.name} holds features of {json.loads(about['identity']).get('model')!r} as it was "
                "when they were kept: keep them again with the extractor that is asked for"
            )
        with safe_open(path, framework="np") as held:
            return Reference(held.get_tensor("features").astype(np.float64), about["pictures"], path.name)
    files = _pictures(path)
    parts = [
        extractor.look([_opened(file) for file in files[start : start + READ_AT_ONCE]]).values
        for start in range(0, len(files), READ_AT_ONCE)
    ]
    return Reference(np.concatenate(parts), _hash(files), path.name)


def keep_reference(source: str, extractor: FeatureExtractor, file: Path) -> Reference:
    """Look at a folder of pictures once and keep its features, so that the pictures need not be kept.

    Args:
        source: Path of the folder.
        extractor: Whose features to keep.
        file: A new .safetensors file.

    Raises:
        SettingError: There is no such set, or a picture cannot be opened.
        OutputError: The file is there already, or cannot be written.
    """
    if file.exists():
        raise OutputError(f"{file} is there already: give a new file")
    reference = read_reference(source, extractor)
    about = {
        "format": FORMAT,
        "identity": json.dumps(extractor.identity),
        "pictures": reference.sha256,
        "source": reference.source,
    }
    try:
        save_file({"features": torch.from_numpy(reference.features.astype(np.float32))}, file, about)
    except (OSError, SafetensorError) as problem:
        raise OutputError(f"{file} cannot be written: {problem}") from problem
    return reference


def _kept(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="np") as held:
            about: dict[str, str] = held.metadata() or {}
    except (SafetensorError, OSError) as problem:
        raise SettingError(f"{path} is no safetensors file: {problem}") from problem
    if about.get("format") != FORMAT:
        raise SettingError(f"{path} holds no kept features of a reference set: give a folder of pictures")
    return about


def _pictures(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise SettingError(
            f"reference {folder}: no pictures are there; give a folder of them "
            f"({', '.join(sorted(SUFFIXES))}) or a file of kept features"
        )
    return found


def _opened(file: Path) -> Image.Image:
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as problem:
        raise SettingError(f"{file} cannot be opened as a picture: remove or replace it") from problem


def _hash(files: list[Path]) -> str:
    digests = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    return hashlib.sha256("".join(digests).encode()).hexdigest()
