"""Pictures that others made: which file belongs to which prompt and seed, in four layouts of folders.

``folder``: files named by a prompt's id, or ID_SEED. ``t2i-compbench``: files named PROMPT_NUMBER, in one
folder or more (Huang et al. 2023). ``geneval``: a folder a prompt with metadata.jsonl and samples/NUMBER.png
(Ghosh et al. 2023). ``evalscope``: JSON lines of id, prompt and image_path (modelscope/evalscope).
Nothing outside the folder that was named is ever read.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasvir.bench.prompt_rows import decoded, told_by_line
from tasvir.errors import SettingError, UnknownNameError
from tasvir.records import SuitePrompt

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
T2I_NAME = re.compile(r"(?P<text>.+)_(?P<number>\d{6,})", re.DOTALL)
GENEVAL_METADATA = "metadata.jsonl"


@dataclass(frozen=True, slots=True)
class Found:
    """One picture of a prompt.

    Args:
        prompt: The prompt's id.
        seed: What its file says, or a number that counts the prompt's pictures from 0.
        path: The file; it exists, but was not opened.
    """

    prompt: str
    seed: int
    path: Path


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a folder of pictures holds.

    Args:
        kind: The layout that it was read in.
        found: By the suite's order, then by seed.
        unmatched: Files that belong to no prompt, or cannot be taken, with the reason.
        missing: Ids of prompts without a picture.
    """

    kind: str
    found: tuple[Found, ...]
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]


def read(path: Path, prompts: Sequence[SuitePrompt], kind: str = "auto", root: Path | None = None) -> Foreign:
    """Find the pictures of a suite's prompts.

    Args:
        path: A folder, or for "evalscope" the file of JSON lines, whose pictures lie beside or below it.
        prompts: The suite's.
        kind: One of `KINDS`, or "auto": told from what is there.
        root: Folder in which all pictures must lie; None = that of ``path``. A list may name files anywhere,
            and lists come from strangers.

    Raises:
        UnknownNameError: There is no such folder or kind.
        SettingError: Two files are one prompt's with one seed, a line is wrong, or no picture is a prompt's.
    """
    if not path.exists():
        raise UnknownNameError(f"there is no folder of pictures {path}")
    chosen = _told(path, prompts) if kind == "auto" else kind
    if chosen not in KINDS:
        raise UnknownNameError(f"no layout of pictures is called {kind!r}: expected auto, {', '.join(KINDS)}")
    if path.is_dir() == (chosen == "evalscope"):
        raise SettingError(f"{path}: {chosen} is {'a file' if chosen == 'evalscope' else 'a folder'}")
    reading = _Reading(root or (path if path.is_dir() else path.parent), prompts)
    KINDS[chosen](path, reading)
    if not reading.found:
        told = f"; e.g. {reading.unmatched[0]}" if reading.unmatched else ""
        raise SettingError(f"{path}: none of its pictures is one of the suite's, read as {chosen}{told}")
    order = {entry.id: number for number, entry in enumerate(prompts)}
    found = sorted(reading.found.values(), key=lambda picture: (order[picture.prompt], picture.seed))
    there = {picture.prompt for picture in found}
    missing = tuple(entry.id for entry in prompts if entry.id not in there)
    return Foreign(chosen, tuple(found), tuple(reading.unmatched), missing)


@dataclass
class _Reading:
    """Collects what is found below a folder."""

    root: Path
    prompts: Sequence[SuitePrompt]
    found: dict[tuple[str, int], Found] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        self.texts = {entry.id: _plain(entry.text) for entry in self.prompts}
        self._by_text = {text: name for name, text in reversed(self.texts.items())}

    def by_text(self, text: str) -> str | None:
        """The id of the (first) prompt with a text."""
        return self._by_text.get(_plain(text))

    def leave(self, path: Path | str, reason: str) -> None:
        self.unmatched.append(f"{path}: {reason}")

    def take(self, prompt: str, seed: int, path: Path) -> None:
        """Note a picture, if it lies where it may and is there."""
        real = path.resolve()
        if not real.is_relative_to(self.root):
            self.leave(path, f"lies outside {self.root}: nothing outside is read")
        elif not real.is_file():
            self.leave(path, "is not there")
        elif (prompt, seed) in self.found:
            other = self.found[prompt, seed].path
            raise SettingError(f"{other} and {path} are both the picture of prompt {prompt!r}, seed {seed}")
        else:
            self.found[prompt, seed] = Found(prompt, seed, path)

    def take_in_turn(self, numbered: dict[str, list[tuple[int, Path]]]) -> None:
        """Note pictures by prompt whose numbers only give their order: seeds count from 0."""
        for prompt, pictures in numbered.items():
            numbers = [number for number, _ in pictures]
            double = next((path for number, path in pictures if numbers.count(number) > 1), None)
            if double is not None:
                raise SettingError(
                    f"{double}: prompt {prompt!r} has two pictures of that number: name a folder with the "
                    "pictures of one model"
                )
            for seed, (_, path) in enumerate(sorted(pictures)):
                self.take(prompt, seed, path)


def _plain(text: str) -> str:
    """A text as files of all systems spell it: composed letters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)


def _told(path: Path, prompts: Sequence[SuitePrompt]) -> str:
    """The layout that a place seems to be in."""
    if not path.is_dir():
        return "evalscope"
    if next(path.glob(f"*/{GENEVAL_METADATA}"), None) is not None:
        return "geneval"
    texts = {_plain(entry.text) for entry in prompts}
    names = (T2I_NAME.fullmatch(picture.stem) for picture in _pictures(path))
    return "t2i-compbench" if any(name and _plain(name["text"]) in texts for name in names) else "folder"


def _read_folder(path: Path, reading: _Reading) -> None:
    for picture in _pictures(path):
        name, _, seed = picture.stem.rpartition("_")
        if picture.stem in reading.texts:
            reading.take(picture.stem, 0, picture)
        elif name in reading.texts and seed.isdecimal():
            reading.take(name, int(seed), picture)
        else:
            reading.leave(picture, "its name is no prompt's id, nor ID_SEED")


def _read_t2i_compbench(path: Path, reading: _Reading) -> None:
    numbered: dict[str, list[tuple[int, Path]]] = {}
    for picture in _pictures(path):
        name = T2I_NAME.fullmatch(picture.stem)
        prompt = reading.by_text(name["text"]) if name else None
        if name is None or prompt is None:
            reading.leave(picture, "its name is not one of the prompts and a number of six digits")
        else:
            numbered.setdefault(prompt, []).append((int(name["number"]), picture))
    reading.take_in_turn(numbered)


def _read_geneval(path: Path, reading: _Reading) -> None:
    numbered: dict[str, list[tuple[int, Path]]] = {}
    for metadata in sorted(path.glob(f"*/{GENEVAL_METADATA}")):
        with told_by_line(metadata, 1):
            row = json.loads(decoded(metadata.read_bytes(), str(metadata)))
            text = row.get("prompt") if isinstance(row, dict) else None
            if not isinstance(text, str):
                raise SettingError("no 'prompt' in it that is a text")
        prompt = reading.by_text(text)
        if prompt is None:
            reading.leave(metadata.parent, "its prompt is not one of the suite's")
            continue
        for picture in _pictures(metadata.parent / "samples"):
            if picture.stem.isdecimal():
                numbered.setdefault(prompt, []).append((int(picture.stem), picture))
            else:
                reading.leave(picture, "its name is no number")
    reading.take_in_turn(numbered)


def _read_evalscope(path: Path, reading: _Reading) -> None:
    unnumbered: dict[str, list[tuple[int, Path]]] = {}
    for number, line in enumerate(decoded(path.read_bytes(), str(path)).split("\n"), 1):
        if not line.strip():
            continue
        with told_by_line(path, number):
            row = _row(json.loads(line))
            prompt = _prompt_of(row, reading)
            seed = row.get("seed")
            if seed is not None and (type(seed) is not int or seed < 0):
                raise SettingError(f"'seed' is {seed!r}: give a whole number from 0")
            picture = path.parent / row["image_path"]
            if prompt is None:
                reading.leave(f"{path}, line {number}", "neither id nor prompt is one of the suite's")
            elif seed is not None:
                reading.take(prompt, seed, picture)
            else:
                unnumbered.setdefault(prompt, []).append((number, picture))
    reading.take_in_turn(unnumbered)


def _row(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict) or not isinstance(row.get("image_path"), str) or not row["image_path"]:
        raise SettingError("expected an object with 'id', 'prompt' and 'image_path'")
    return row


def _prompt_of(row: dict[str, Any], reading: _Reading) -> str | None:
    """By the id that we write ourselves, else by the text, else by the id; a text must agree."""
    text, told, name = row.get("prompt"), row.get("prompt_id"), str(row.get("id", ""))
    if told in reading.texts:
        return None if isinstance(text, str) and reading.texts[told] != _plain(text) else told
    if isinstance(text, str):
        return reading.by_text(text)
    return name if name in reading.texts else None


KINDS: dict[str, Callable[[Path, _Reading], None]] = {
    "folder": _read_folder,
    "t2i-compbench": _read_t2i_compbench,
    "geneval": _read_geneval,
    "evalscope": _read_evalscope,
}
"""How each layout is read."""
