"""CIFAR-10 in its binary version: rows of a label and 3072 bytes, red, green, blue (Krizhevsky 2009).

The version for Python is a pickle, which can run anything when it is read, and is refused.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tasvir.errors import RecordError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.data.bytes_to_numbers import scaled

TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
ARCHIVE = "cifar-10-binary.tar.gz"
ROW = 1 + 3 * 32 * 32


def read(path: Path) -> Data:
    """50 000 pictures to train and 10 000 to test with, [N, 3, 32, 32].

    Args:
        path: cifar-10-binary.tar.gz, or the folder that holds it or the six .bin files.

    Raises:
        UnknownNameError: The files are not there.
        RecordError: One is damaged.
    """
    rows = _from_folder(path) if path.is_dir() else _from_archive(path)
    train = torch.cat([_parsed(rows[name], f"{path}: {name}") for name in TRAIN])
    test = _parsed(rows[TEST], f"{path}: {TEST}")
    return Data(
        name="cifar10",
        kind="images",
        train=_pictures(train),
        test=_pictures(test),
        train_labels=train[:, 0].long(),
        test_labels=test[:, 0].long(),
        classes=10,
        levels=256,
    )


def _from_folder(folder: Path) -> dict[str, bytes]:
    for place in (folder, folder / "cifar-10-batches-bin"):
        if (place / TEST).is_file():
            try:
                return {name: (place / name).read_bytes() for name in (*TRAIN, TEST)}
            except OSError as problem:
                raise RecordError(f"{place} lacks a file ({problem}): fetch CIFAR-10 again") from problem
    if (folder / ARCHIVE).is_file():
        return _from_archive(folder / ARCHIVE)
    python = " (it holds the version for Python, a pickle, which is not read)"
    held = python if (folder / "data_batch_1").exists() else ""
    raise UnknownNameError(f"{folder} holds neither {TEST} nor {ARCHIVE}{held}: fetch the binary version")


def _from_archive(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise UnknownNameError(f"{path} does not exist: name {ARCHIVE} or a folder with {TEST}")
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                held = archive.extractfile(member) if name in (*TRAIN, TEST) else None
                if held is not None:
                    found[name] = held.read()
    except (OSError, EOFError, tarfile.TarError) as problem:
        raise RecordError(f"{path} cannot be unpacked ({problem}): fetch it again") from problem
    if len(found) != len(TRAIN) + 1:
        raise RecordError(f"{path} does not hold the six .bin files: fetch the binary version")
    return found


def _parsed(data: bytes, where: str) -> Tensor:
    if not data or len(data) % ROW:
        raise RecordError(f"{where} holds {len(data)} bytes, no whole number of pictures: fetch it again")
    rows = torch.from_numpy(np.frombuffer(data, np.uint8).reshape(-1, ROW).copy())
    if int(rows[:, 0].max()) > 9:
        raise RecordError(f"{where} has labels above 9: it is not CIFAR-10's binary version")
    return rows


def _pictures(rows: Tensor) -> Tensor:
    return scaled(rows[:, 1:].reshape(-1, 3, 32, 32))
