"""Data of files: IDX, CIFAR-10, folders of pictures; right ones by hand, wrong ones refused with a reason."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tasvir.errors import RecordError, SettingError, UnknownNameError
from tasvir.lab.data import cifar, idx
from tasvir.lab.data.opening import open_data


def idx_bytes(array: np.ndarray) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + b"".join(struct.pack(">I", n) for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, *, packed: bool = True, n: int = 5) -> dict[str, np.ndarray]:
    dice = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": dice.integers(0, 256, (n, 4, 3)),
        "train-labels-idx1-ubyte": np.arange(n) % 3,
        "t10k-images-idx3-ubyte": dice.integers(0, 256, (2, 4, 3)),
        "t10k-labels-idx1-ubyte": np.array([0, 2]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        data = idx_bytes(array)
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return arrays


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_to_the_last_pixel(tmp_path: Path, packed: bool) -> None:
    arrays = write_idx(tmp_path / "mnist", packed=packed)
    for data in (open_data("mnist", tmp_path), open_data(f"idx:{tmp_path / 'mnist'}")):
        assert data.train.shape == (5, 1, 4, 3) and data.test.shape == (2, 1, 4, 3)
        wanted = arrays["train-images-idx3-ubyte"] * (2 / 255) - 1
        np.testing.assert_allclose(data.train[:, 0].numpy(), wanted, atol=1e-6)
        assert data.train_labels is not None and data.train_labels.tolist() == [0, 1, 2, 0, 1]
        assert data.test_labels is not None and data.test_labels.tolist() == [0, 2]
        assert (data.classes, data.levels, data.kind) == (3, 256, "images")


def _cut(folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))


def _torn(folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])


def _garbled(folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte.gz"
    data = bytearray(path.read_bytes())
    data[12] ^= 0xFF
    path.write_bytes(bytes(data))


def _page(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>not found</html>")


def _floats(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\0\0\x0d\x01" + struct.pack(">If", 1, 1.0))


def _others(folder: Path) -> None:
    data = idx_bytes(np.zeros(4))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(data))


def _empty(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx_bytes(np.zeros(0)))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_cut, "should hold 5 x 4 x 3 bytes and holds 59"),
        (_torn, "cannot be read"),
        (_garbled, "cannot be read"),
        (_page, "no IDX file"),
        (_floats, "no IDX file of bytes"),
        (_others, "do not belong together"),
        (_empty, "should hold 0 bytes"),
    ],
)
def test_damaged_idx_files_say_what_is_wrong(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    write_idx(tmp_path)
    spoil(tmp_path)
    with pytest.raises(RecordError, match=told):
        open_data(f"idx:{tmp_path}")


def test_missing_files_and_unknown_names_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"tasvir lab data mnist.*--from FOLDER"):
        open_data("mnist", tmp_path)
    with pytest.raises(UnknownNameError, match="holds no train-images-idx3-ubyte"):
        open_data(f"idx:{tmp_path}")
    with pytest.raises(UnknownNameError, match=r"'imagenet'.*digits.*folder:FOLDER"):
        open_data("imagenet")
    for name in ("idx:", "folder:", "2d:", "mnist:x", "digits:x"):
        with pytest.raises(UnknownNameError):
            open_data(name, tmp_path)
    with pytest.raises(SettingError, match="--size means nothing to digits"):
        open_data("digits", size=16)


def cifar_rows(first: int, n: int = 2) -> np.ndarray:
    rows = np.zeros((n, cifar.ROW), np.uint8)
    rows[:, 0] = (first + np.arange(n)) % 10
    rows[:, 1:1025], rows[:, 1025:2049] = 255, 51  # red 1, green -0.6, blue -1
    rows[:, 1 + 32] = 0  # the first red pixel of the second line
    return rows


def write_cifar(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate((*cifar.TRAIN, cifar.TEST)):
        (folder / name).write_bytes(cifar_rows(number).tobytes())


def packed_cifar(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, f"cifar-10-batches-bin/{path.name}")


def test_cifar_is_read_from_archive_and_folder_alike(tmp_path: Path) -> None:
    write_cifar(tmp_path / "cifar-10-batches-bin")
    (tmp_path / "cifar10").mkdir()
    packed_cifar(tmp_path / "cifar-10-batches-bin", tmp_path / "cifar10" / cifar.ARCHIVE)
    for data in (
        open_data("cifar10", tmp_path),
        open_data(f"cifar10:{tmp_path}"),
        open_data(f"cifar10:{tmp_path / 'cifar10' / cifar.ARCHIVE}"),
    ):
        assert data.train.shape == (10, 3, 32, 32) and data.test.shape == (2, 3, 32, 32)
        assert data.train_labels is not None and data.train_labels.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
        assert data.test_labels is not None and data.test_labels.tolist() == [5, 6]
        first = data.train[0]
        assert first[0, 1, 0] == -1 and int((first[0] == 1).sum()) == 1023
        assert torch.allclose(first[1], torch.tensor(-0.6)) and bool((first[2] == -1).all())


def test_damaged_cifar_is_refused(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    (tmp_path / cifar.TRAIN[0]).write_bytes(b"\0" * 100)
    with pytest.raises(RecordError, match="no whole number of pictures"):
        open_data(f"cifar10:{tmp_path}")
    (tmp_path / cifar.TRAIN[0]).write_bytes(b"\x0b" * cifar.ROW)
    with pytest.raises(RecordError, match="labels above 9"):
        open_data(f"cifar10:{tmp_path}")
    (tmp_path / cifar.TRAIN[0]).unlink()
    with pytest.raises(RecordError, match="lacks a file"):
        open_data(f"cifar10:{tmp_path}")
    (tmp_path / "torn.tar.gz").write_bytes(b"\x1f\x8b torn")
    with pytest.raises(RecordError, match="cannot be unpacked"):
        open_data(f"cifar10:{tmp_path / 'torn.tar.gz'}")
    with tarfile.open(tmp_path / "few.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / cifar.TEST, cifar.TEST)
    with pytest.raises(RecordError, match=r"six \.bin files"):
        open_data(f"cifar10:{tmp_path / 'few.tar.gz'}")


def test_the_pickled_cifar_is_named_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}")
    with pytest.raises(UnknownNameError, match="a pickle, which is not read"):
        open_data(f"cifar10:{tmp_path}")
    with pytest.raises(UnknownNameError, match="does not exist"):
        open_data(f"cifar10:{tmp_path / 'nowhere'}")


def picture(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (20, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def test_a_folder_of_pictures_is_cut_scaled_and_split_by_content(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / ("odd" if number % 2 else "even") / f"{number}.png", (number, 0, 255))
    data = open_data(f"folder:{tmp_path}", size=8)
    assert data.train.shape[1:] == (3, 8, 8) and len(data.train) + len(data.test) == 40
    assert 1 <= len(data.test) <= 10 and data.classes == 2 and data.levels == 256
    for pictures, labels in ((data.train, data.train_labels), (data.test, data.test_labels)):
        assert labels is not None
        reds = ((pictures[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(reds % 2, labels)
        assert bool((pictures[:, 2] == 1).all()) and bool((pictures[:, 1] == -1).all())
    twin = tmp_path / "even" / "again.png"
    twin.write_bytes((tmp_path / "even" / "0.png").read_bytes())
    more = open_data(f"folder:{tmp_path}", size=8)
    assert {len(more.train) - len(data.train), len(more.test) - len(data.test)} == {0, 1}, "beside its twin"
    reds = {tuple(sorted(set(part[:, 0, 0, 0].tolist()))) for part in (more.train, data.train)}
    assert len(reds) == 1, "no other picture moved"


def test_a_wide_picture_keeps_its_middle(tmp_path: Path) -> None:
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = 255
    for number in range(2):
        wide[0, 0] = number
        Image.fromarray(wide).save(tmp_path / f"{number}.png")
    data = open_data(f"folder:{tmp_path}", size=8)
    assert data.train[0, 0, 4, 1:7].min() > 0.99 and data.classes is None


def test_bad_folders_and_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="is no folder"):
        open_data(f"folder:{tmp_path / 'none'}")
    picture(tmp_path / "a.png", (1, 2, 3))
    with pytest.raises(UnknownNameError, match="holds 1 pictures"):
        open_data(f"folder:{tmp_path}")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(UnknownNameError, match=r"all pictures .* are the same"):
        open_data(f"folder:{tmp_path}")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(RecordError, match=r"b.png cannot be read as a picture"):
        open_data(f"folder:{tmp_path}")
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(buffer, "png")
    (tmp_path / "b.png").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(RecordError, match="cannot be read as a picture"):
        open_data(f"folder:{tmp_path}")
    with pytest.raises(SettingError, match="4 to 1024"):
        open_data(f"folder:{tmp_path}", size=2)


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    data = open_data("digits")
    assert data.train.shape == (1500, 1, 8, 8) and data.test.shape == (297, 1, 8, 8)
    assert (data.classes, data.levels) == (10, 17)
    whole = torch.cat((data.test, data.train))
    levels = (whole + 1) * 8
    assert torch.allclose(levels, levels.round(), atol=1e-5)
    assert float(levels.sum()) == pytest.approx(float(load_digits().images.sum()), rel=1e-6)
    assert data.train_labels is not None and data.test_labels is not None
    counts = torch.bincount(torch.cat((data.test_labels, data.train_labels)))
    assert counts.tolist() == np.bincount(load_digits().target).tolist()
    assert torch.equal(open_data("digits").train, data.train)


def test_without_scikit_learn_digits_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(SettingError, match=r"tasvir\[lab\]"):
        open_data("digits")


def test_idx_sizes_are_not_trusted() -> None:
    huge = b"\0\0\x08\x03" + struct.pack(">III", 2**31, 2**31, 2**31)
    with pytest.raises(RecordError, match="and holds 0"):
        idx.parsed(huge, "x")
    with pytest.raises(RecordError, match="no IDX file"):
        idx.parsed(b"\0\0", "x")
    with pytest.raises(RecordError):
        idx.parsed(b"\0\0\x08\x03\0\0", "x")
