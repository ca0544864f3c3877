"""MNIST's file format, IDX: two zero bytes, type (8 = bytes), number of sizes, the sizes, the data."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tasvir.errors import RecordError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.data.bytes_to_numbers import scaled

PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
BYTES = 8


def file_of(folder: Path, part: str) -> Path:
    """The file of a part, packed by gzip or not, with either of the two separators that are about.

    Raises:
        UnknownNameError: There is none.
    """
    sizes = 3 if part.endswith("images") else 1
    names = [f"{part}{mark}idx{sizes}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UnknownNameError(
        f"{folder} holds no {names[0]} (or {names[0]}.gz): name the folder of four IDX files"
    )


def read(folder: Path, name: str) -> Data:
    """Pictures [N, 1, H, W] and labels of a folder of four IDX files.

    Args:
        folder: Holds train-images-idx3-ubyte and the three others, packed by gzip or not.
        name: What the data are called.

    Raises:
        UnknownNameError: A file is not there.
        RecordError: A file is damaged, or files do not belong together.
    """
    found = {part: parsed(unpacked(file_of(folder, part)), str(file_of(folder, part))) for part in PARTS}
    for pictures, labels in (PARTS[:2], PARTS[2:]):
        if found[pictures].ndim != 3 or found[labels].shape != found[pictures].shape[:1]:
            raise RecordError(
                f"{folder}: {pictures} are {tuple(found[pictures].shape)} and {labels} "
                f"{tuple(found[labels].shape)}: they do not belong together; fetch them again"
            )
    if found[PARTS[0]].shape[1:] != found[PARTS[2]].shape[1:]:
        raise RecordError(f"{folder}: pictures to train and to test with differ in size; fetch them again")
    train_labels, test_labels = found[PARTS[1]].long(), found[PARTS[3]].long()
    return Data(
        name=name,
        kind="images",
        train=scaled(found[PARTS[0]])[:, None],
        test=scaled(found[PARTS[2]])[:, None],
        train_labels=train_labels,
        test_labels=test_labels,
        classes=int(torch.cat((train_labels, test_labels)).max()) + 1,
        levels=256,
    )


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked where gzip packed them.

    Raises:
        RecordError: They cannot be read or unpacked.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as problem:
        raise RecordError(f"{path} cannot be read ({problem}): fetch it again") from problem


def parsed(data: bytes, where: str) -> Tensor:
    """The tensor in the bytes of an IDX file.

    Raises:
        RecordError: They are no IDX file of bytes, or more or fewer than it says.
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != BYTES or not 1 <= data[3] <= 4:
        raise RecordError(f"{where} is no IDX file of bytes: fetch it again, or name another")
    start = 4 + 4 * data[3]
    sizes = [int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4)]
    wanted = int(np.prod(sizes, dtype=object))
    if wanted == 0 or len(data) - start != wanted:
        raise RecordError(
            f"{where} should hold {' x '.join(map(str, sizes))} bytes and holds {max(len(data) - start, 0)}: "
            "fetch it again"
        )
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(sizes).copy())
