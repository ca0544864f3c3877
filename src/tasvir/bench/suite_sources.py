"""Finds the files of a published suite in what the user names: a file, a folder, or an address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tasvir.bench.download import OnProgress, download, is_address
from tasvir.bench.imported import Given
from tasvir.bench.published import PublishedFile, PublishedSuite
from tasvir.errors import DownloadError, SettingError, UnknownNameError

NOT_FOUND = 404


def gather(suite: PublishedSuite, source: str, on_progress: OnProgress | None = None) -> dict[str, Given]:
    """The files of a suite that are there, by the name that its authors gave each.

    Args:
        suite: What is looked for.
        source: A file, a folder (searched with its subfolders), or an address; with / at its end it is a
            folder's.
        on_progress: See `tasvir.bench.download`.

    Raises:
        UnknownNameError: There is nothing there, or none of the suite's files.
        SettingError: A file is there twice, or is a web page.
        DownloadError: It cannot be had.
    """
    if is_address(source):
        found = _from_address(suite, source, on_progress)
    elif Path(source).expanduser().is_dir():
        found = _from_folder(suite, Path(source).expanduser())
    else:
        path = Path(source).expanduser()
        found = {_meant(suite, path.name).name: _given(path)}
    for given in found.values():
        if given.data.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
            raise SettingError(
                f"{given.name} is a web page, not the file itself: name the address of the raw file"
            )
    return found


def _from_address(suite: PublishedSuite, source: str, on_progress: OnProgress | None) -> dict[str, Given]:
    if not source.endswith("/"):
        name = Path(urlsplit(source).path).name
        return {_meant(suite, name).name: Given(name, download(source, on_progress))}
    found = {}
    for file in suite.files:
        try:
            found[file.name] = Given(file.name, download(source + file.name, on_progress))
        except DownloadError as problem:
            if not (file.optional and problem.status == NOT_FOUND):
                raise
    return found


def _from_folder(suite: PublishedSuite, folder: Path) -> dict[str, Given]:
    found = {}
    for file in suite.files:
        names = {file.name, *file.also}
        here = [folder / name for name in sorted(names) if (folder / name).is_file()]
        paths = here or sorted(
            path for name in sorted(names) for path in folder.rglob(name) if path.is_file()
        )
        if len(paths) > 1:
            listed = " and ".join(map(str, paths[:4]))
            raise SettingError(
                f"{file.name} is in {folder} more than once ({listed}): name a narrower folder"
            )
        if paths:
            found[file.name] = _given(paths[0])
    if not found:
        expected = ", ".join(file.name for file in suite.files if not file.optional)
        raise UnknownNameError(
            f"{folder} holds no file of that suite: expected {expected}; name the file itself"
        )
    return found


def _meant(suite: PublishedSuite, name: str) -> PublishedFile:
    """Which of the suite's files a file is; a suite of one file takes any name."""
    if len(suite.files) == 1:
        return suite.files[0]
    for file in suite.files:
        if name in (file.name, *file.also):
            return file
    expected = ", ".join(file.name for file in suite.files)
    raise UnknownNameError(f"{name!r} is none of the suite's files: name the folder that holds {expected}")


def _given(path: Path) -> Given:
    try:
        return Given(path.name, path.read_bytes())
    except OSError as problem:
        raise UnknownNameError(
            f"cannot read {path}: {problem.strerror or problem}; name a file, a folder or an address"
        ) from problem
