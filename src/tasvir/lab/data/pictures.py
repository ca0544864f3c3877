"""Pictures of a folder: scaled until the shorter side fits, cut to a square, split by what is in them.

Which pictures are for testing hangs on each file's own bytes: a picture that is there twice is never on both
sides, and adding pictures moves no other.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from tasvir.errors import RecordError, SettingError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.data.bytes_to_numbers import scaled

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SIZE, LEAST, MOST = 32, 4, 1024
TEST_SHARE = 0.1


def read(folder: Path, size: int = SIZE) -> Data:
    """All pictures below a folder, [N, 3, size, size]; classes are its subfolders, where all lie in such.

    Raises:
        UnknownNameError: No such folder, or fewer than two pictures in it.
        SettingError: The size is out of range.
        RecordError: A picture cannot be read.
    """
    if not LEAST <= size <= MOST:
        raise SettingError(f"--size {size}: pictures have {LEAST} to {MOST} pixels a side")
    if not folder.is_dir():
        raise UnknownNameError(f"{folder} is no folder: name one that holds pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    if len(paths) < 2:
        raise UnknownNameError(
            f"{folder} holds {len(paths)} pictures ({', '.join(sorted(ENDINGS))}): 2 or more"
        )
    found = [_picture(path, size) for path in paths]
    pictures = scaled(torch.stack([picture for picture, _ in found]))
    shares = torch.tensor([share for _, share in found], dtype=torch.float64)
    tested = shares <= max(TEST_SHARE, float(shares.min()))
    if bool(tested.all()):
        raise UnknownNameError(f"all pictures in {folder} are the same: two different ones are the least")
    names = [path.relative_to(folder).parts[0] if path.parent != folder else "" for path in paths]
    classes = sorted(set(names))
    labels = torch.tensor([classes.index(name) for name in names]) if _are_classes(classes) else None
    return Data(
        name=f"folder:{folder}",
        kind="images",
        train=pictures[~tested],
        test=pictures[tested],
        train_labels=None if labels is None else labels[~tested],
        test_labels=None if labels is None else labels[tested],
        classes=None if labels is None else len(classes),
        levels=256,
    )


def _are_classes(names: list[str]) -> bool:
    return len(names) > 1 and "" not in names


def _picture(path: Path, size: int) -> tuple[Tensor, float]:
    """[3, size, size] bytes, and a share from 0 to 1 that hangs on the file's bytes."""
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
        square = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    except (
        OSError,
        ValueError,
        SyntaxError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
    ) as problem:
        raise RecordError(f"{path} cannot be read as a picture ({problem}): mend or remove it") from problem
    share = int.from_bytes(hashlib.sha256(data).digest()[:6], "big") / 2**48
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1), share
