"""Published picture data for the laboratory: fetched from mirrors or taken from the user, checked, kept.

A set is kept whole, in a folder of its own, or not at all. Every file is checked by the MD5 of its unpacked
bytes, so that it does not matter who packed it; an MD5 finds damage, not malice.
"""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasvir.bench.download import OnProgress, download, is_address
from tasvir.errors import DownloadError, OutputError, SettingError, UnknownNameError

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class PublishedData:
    """A published set.

    Args:
        files: Name of each to the MD5 of its bytes, unpacked if `unpacked`.
        mirrors: Folders of the net that hold them, the authors' own first.
        unpacked: Whether the MD5s are of what gzip packed.
        licence: What its authors say, or that they say nothing.
    """

    files: Mapping[str, str]
    mirrors: tuple[str, ...]
    unpacked: bool
    licence: str


PUBLISHED: dict[str, PublishedData] = {
    "mnist": PublishedData(
        files={
            "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
        },
        mirrors=(
            "https://yann.lecun.com/exdb/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        unpacked=True,
        licence="none was published; usually passed on under CC BY-SA 3.0, naming LeCun and Cortes",
    ),
    "fashion-mnist": PublishedData(
        files={
            "train-images-idx3-ubyte.gz": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte.gz": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte.gz": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte.gz": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        unpacked=True,
        licence="MIT, Zalando SE",
    ),
    "cifar10": PublishedData(
        files={"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        mirrors=("https://www.cs.toronto.edu/~kriz/",),
        unpacked=False,
        licence="none was published; its author asks to cite Krizhevsky 2009",
    ),
}


def bring(name: str, source: str | None, root: Path, on_progress: OnProgress | None = None) -> Path:
    """Bring a published set into its folder.

    Args:
        name: A key of `PUBLISHED`.
        source: The user's folder, file or address with / at its end; None = the mirrors.
        root: Folder of all data; what was in the set's folder is replaced.
        on_progress: See `tasvir.bench.download`.

    Returns:
        The set's folder.

    Raises:
        UnknownNameError: No such set, or a file is not there.
        SettingError: A file is not the published one.
        DownloadError: It cannot be had from any mirror.
        OutputError: It cannot be kept.
    """
    if name not in PUBLISHED:
        raise UnknownNameError(f"no published data are called {name!r}; known: {', '.join(PUBLISHED)}")
    published = PUBLISHED[name]
    found = {file: _found(published, file, source, on_progress) for file in published.files}
    return _keep(found, root / name)


def _found(published: PublishedData, file: str, source: str | None, on_progress: OnProgress | None) -> bytes:
    if source is not None and not is_address(source):
        data = _of_folder(Path(source).expanduser(), file)
        _check(published, file, data, source)
        return data
    places = published.mirrors if source is None else (source.rstrip("/") + "/",)
    for number, place in enumerate(places, 1):
        try:
            data = download(place + file, on_progress, max_bytes=MAX_BYTES)
            _check(published, file, data, place)
            return data
        except (DownloadError, SettingError):
            if number == len(places):
                raise
    raise AssertionError("a set without mirrors")


def _of_folder(place: Path, file: str) -> bytes:
    """The bytes of a file, packed or not, or of the file that is named itself."""
    names = [file, file.removesuffix(".gz"), file.removesuffix(".gz").replace("-idx", ".idx")]
    candidates = [place / name for name in names] if place.is_dir() else [place]
    for path in candidates:
        if path.is_file():
            try:
                return path.read_bytes()
            except OSError as problem:
                raise UnknownNameError(f"cannot read {path}: {problem.strerror or problem}") from problem
    raise UnknownNameError(f"{place} holds no {file}: name the folder that holds the published files")


def _check(published: PublishedData, file: str, data: bytes, where: str) -> None:
    try:
        content = gzip.decompress(data) if published.unpacked and data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as problem:
        raise SettingError(
            f"{file} of {where} is cut short or damaged ({problem}): fetch it again"
        ) from problem
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != published.files[file]:
        raise SettingError(
            f"{file} of {where} is not the published file (its MD5 differs): fetch it again; data of your "
            "own are opened where they lie, with --data idx:FOLDER or folder:FOLDER"
        )


def _keep(found: Mapping[str, bytes], folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adding-") as made:
            fresh = Path(made) / "new"
            fresh.mkdir()
            for file, data in found.items():
                packed = file.endswith(".gz") and data[:2] == b"\x1f\x8b"
                (fresh / (file if packed else file.removesuffix(".gz"))).write_bytes(data)
            if folder.exists():
                folder.replace(Path(made) / "old")
            fresh.replace(folder)
    except OSError as problem:
        raise OutputError(
            f"the data cannot be kept in {folder} ({problem.strerror or problem}): name another folder with "
            "--data-dir"
        ) from problem
    return folder
