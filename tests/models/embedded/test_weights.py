"""Weight files are what was shipped, or there is an error that says how to restore them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasvir.errors import NotShippedError, WeightsError
from tasvir.models.embedded import weights


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package folder with the weights of one model; hashes are looked up anew."""
    root = tmp_path / "weights"
    (root / "reader" / "part").mkdir(parents=True)
    (root / "reader" / "model.safetensors").write_bytes(b"numbers")
    (root / "reader" / "part" / "config.json").write_text("{}")
    (root / "reader" / "notes.txt").write_text("not sealed")
    weights.seal(root)
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    weights.forget()
    yield root
    weights.forget()


def test_what_was_sealed_is_found_again(root: Path) -> None:
    assert weights.folder("reader") == root / "reader"
    sealed = weights.seal(root)
    assert set(sealed) == {"reader/model.safetensors", "reader/part/config.json"}
    assert sealed["reader/model.safetensors"] == hashlib.sha256(b"numbers").hexdigest()


def test_a_changed_byte_is_noticed(root: Path) -> None:
    (root / "reader" / "model.safetensors").write_bytes(b"numbes")
    with pytest.raises(
        WeightsError, match=r"model\.safetensors is damaged.*reinstall tasvir from where you got it"
    ):
        weights.folder("reader")


def test_a_missing_file_is_noticed(root: Path) -> None:
    (root / "reader" / "part" / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"config\.json is missing.*git checkout -- .*config\.json"):
        weights.folder("reader")


def test_an_error_does_not_stick(root: Path) -> None:
    file = root / "reader" / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(WeightsError):
        weights.folder("reader")
    file.write_bytes(b"numbers")
    assert weights.folder("reader") == root / "reader"


def test_a_model_that_is_not_shipped_is_named(root: Path) -> None:
    with pytest.raises(NotShippedError, match="no weights of 'read' are in"):
        weights.folder("read")


def test_nothing_at_all_is_not_shipped_but_a_model_without_its_hash_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(NotShippedError):
        weights._whole(tmp_path, "reader")
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader" / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="SHA256") as raised:
        weights._whole(tmp_path, "reader")
    assert not isinstance(raised.value, NotShippedError)


@pytest.mark.parametrize("name", ["more.safetensors", "part/more.json"])
def test_a_file_that_was_not_shipped_is_refused(root: Path, name: str) -> None:
    (root / "reader" / name).write_text("{}")
    with pytest.raises(WeightsError, match="is not one of the shipped files") as raised:
        weights.folder("reader")
    assert not isinstance(raised.value, NotShippedError)


def test_the_environment_names_another_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(root, other)
    assert weights.folder("reader") == root / "reader"
    monkeypatch.setenv("TASVIR_WEIGHTS", str(other))
    assert weights.folder("reader") == other / "reader"
    (other / "reader" / "part" / "config.json").write_text("[]")
    weights.forget()
    with pytest.raises(WeightsError, match=r"tasvir train ship.*unset TASVIR_WEIGHTS"):
        weights.folder("reader")


@pytest.mark.parametrize("text", [None, "{", "[1", "[]"])
def test_a_list_of_hashes_that_cannot_be_read_says_how_to_restore_it(root: Path, text: str | None) -> None:
    index = root / "SHA256.json"
    index.unlink() if text is None else index.write_text(text)
    with pytest.raises(WeightsError, match=r"SHA256\.json is .*restore it"):
        weights.folder("reader")


def test_shipped_weights_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    weights.forget()
    shipped = Path(weights.__file__).parent / "weights"
    if not shipped.is_dir():
        pytest.skip("no weights are shipped yet")
    for name in ("generator", "recogniser", "oracle", "encoder", "answerer", "captioner"):
        assert weights.folder(name).is_dir()
