"""Writes pictures in the layouts that others score: T2I-CompBench, GenEval, EvalScope, or a plain folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasvir.bench.foreign import GENEVAL_METADATA
from tasvir.bench.lines import writing
from tasvir.errors import RecordError, SettingError, UnknownNameError
from tasvir.records import SuitePrompt
from tasvir.results import RunResults

MAX_NAME_BYTES = 255
"""Longest name of a file on the usual file systems."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A picture to be written.

    Args:
        prompt: What it was drawn from.
        seed: Which of the prompt's pictures it is.
        picture: The PNG file.
    """

    prompt: SuitePrompt
    seed: int
    picture: Path


def of_run(
    results: RunResults, folder: Path, *, suite: str, model: str, settings: dict[str, Any] | None = None
) -> list[Exported]:
    """The pictures of one model on one suite, by prompt and seed.

    Args:
        results: What a run brought.
        folder: The run's folder.
        suite: The suite's label.
        model: The model's name.
        settings: What is swept; None where nothing is.

    Raises:
        UnknownNameError: The run has no such suite, model or settings.
        SettingError: The model drew under several settings and none was named.
    """
    cells = [cell for cell in results.cells if (cell.suite, cell.model) == (suite, model)]
    swept = list({json.dumps(cell.settings, sort_keys=True): cell.settings for cell in cells}.values())
    if settings is None and len(swept) > 1:
        listed = ", ".join(map(str, swept))
        raise SettingError(f"{model} drew under several settings: choose one of {listed}")
    chosen = [cell for cell in cells if settings is None or cell.settings == settings]
    if not chosen:
        suites, models = ", ".join(results.suites), ", ".join(info.name for info in results.models)
        raise UnknownNameError(
            f"the run has no cells of {model!r} on {suite!r} under {settings or 'any settings'}: it has the "
            f"suites {suites} and the models {models}"
        )
    return [
        Exported(results.prompts[cell.key], cell.seed, folder / cell.path)
        for cell in chosen
        if cell.path is not None
    ]


def write(kind: str, pictures: Iterable[Exported], out: Path) -> int:
    """Copy pictures into a layout; returns how many.

    Args:
        kind: One of `WRITERS`.
        pictures: By prompt, then by seed; what is read by position keeps this order.
        out: A new or empty folder.

    Raises:
        UnknownNameError: No such kind.
        SettingError: The folder is not empty, there are no pictures, two are the same prompt's and seed's,
            or the layout has no name for a prompt; then nothing was written.
        RecordError: A picture is not there.
        OutputError: The folder cannot be written.
    """
    if kind not in WRITERS:
        raise UnknownNameError(f"no layout of pictures is called {kind!r}: expected {', '.join(WRITERS)}")
    listed = list(pictures)
    _check(listed, out)
    files, texts = WRITERS[kind](listed)
    with writing(out):
        for path, text in texts.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(text, encoding="utf-8")
        for path, source in files.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, out / path)
    return len(files)


def _check(pictures: Sequence[Exported], out: Path) -> None:
    if not pictures:
        raise SettingError("there are no pictures to write")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingError(f"{out} is not empty: name a new folder with --out")
    seen: set[tuple[str, int]] = set()
    for entry in pictures:
        if (entry.prompt.id, entry.seed) in seen:
            raise SettingError(f"prompt {entry.prompt.id!r}, seed {entry.seed}, is there twice")
        seen.add((entry.prompt.id, entry.seed))
        if not entry.picture.is_file():
            raise RecordError(f"the picture {entry.picture} is not there: draw it again, then export")


Written = tuple[dict[Path, Path], dict[Path, str]]
"""Pictures and texts by where they are to be, below the folder."""


def _plain_folder(pictures: Sequence[Exported]) -> Written:
    return {_name(entry, f"{entry.prompt.id}_{entry.seed}.png"): entry.picture for entry in pictures}, {}


def _t2i_compbench(pictures: Sequence[Exported]) -> Written:
    """CATEGORY/samples/PROMPT_NUMBER.png; numbers run through a folder, because scores are joined by them."""
    files: dict[Path, Path] = {}
    counts: dict[Path, int] = {}
    for entry in pictures:
        text = entry.prompt.text
        if "_" in text:
            raise SettingError(
                f"prompt {entry.prompt.id!r} holds '_', where T2I-CompBench cuts the names of its files: "
                "leave it out, or export in another layout"
            )
        folder = Path(_folder_name(entry.prompt.category)) / "samples"
        number = counts.get(folder, 0)
        counts[folder] = number + 1
        files[folder / _name(entry, f"{text}_{number:06d}.png")] = entry.picture
    return files, {}


def _geneval(pictures: Sequence[Exported]) -> Written:
    """NUMBER/metadata.jsonl and NUMBER/samples/NUMBER.png; GenEval's own prompts keep their numbers."""
    own = all(entry.prompt.id.isdecimal() for entry in pictures)
    files: dict[Path, Path] = {}
    texts: dict[Path, str] = {}
    folders: dict[str, Path] = {}
    counts: dict[str, int] = {}
    for entry in pictures:
        prompt = entry.prompt
        if not isinstance(prompt.facts.get("include"), list):
            raise SettingError(
                f"prompt {prompt.id!r} does not say which objects must be there (fact 'include'), which "
                "GenEval scores by: export in another layout"
            )
        folder = folders.setdefault(prompt.id, Path(prompt.id if own else f"{len(folders):05d}"))
        exclude = {"exclude": prompt.facts["exclude"]} if prompt.facts.get("exclude") else {}
        row = {"tag": prompt.category, "include": prompt.facts["include"], **exclude, "prompt": prompt.text}
        texts[folder / GENEVAL_METADATA] = json.dumps(row, ensure_ascii=False) + "\n"
        number = counts.get(prompt.id, 0)
        counts[prompt.id] = number + 1
        files[folder / "samples" / f"{number:04d}.png"] = entry.picture
    return files, texts


def _evalscope(pictures: Sequence[Exported]) -> Written:
    """prompts.jsonl of id, prompt and image_path, with the prompt's own id, category and seed beside them."""
    files, _ = _plain_folder(pictures)
    rows = [
        {
            "id": f"{entry.prompt.id}_{entry.seed}",
            "prompt": entry.prompt.text,
            "image_path": str(Path("images") / path),
            "prompt_id": entry.prompt.id,
            "category": entry.prompt.category,
            "seed": entry.seed,
        }
        for entry, path in zip(pictures, files, strict=True)
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return {Path("images") / path: source for path, source in files.items()}, {Path("prompts.jsonl"): lines}


def _name(entry: Exported, name: str) -> Path:
    """The name of a file, if it can be one."""
    if name != Path(name).name or not name.isprintable() or name.startswith("."):
        raise SettingError(
            f"prompt {entry.prompt.id!r} cannot be the name of a file ({name!r}): leave it out, or export in "
            "another layout"
        )
    if len(name.encode()) > MAX_NAME_BYTES:
        raise SettingError(
            f"prompt {entry.prompt.id!r} is too long for the name of a file ({len(name.encode())} bytes, "
            f"at most {MAX_NAME_BYTES}): leave it out, or export in another layout"
        )
    return Path(name)


def _folder_name(category: str) -> str:
    """A category as a folder; none where there are no categories."""
    return "".join(letter if letter.isalnum() or letter in "-. " else "-" for letter in category).strip(". ")


WRITERS: dict[str, Callable[[Sequence[Exported]], Written]] = {
    "folder": _plain_folder,
    "t2i-compbench": _t2i_compbench,
    "geneval": _geneval,
    "evalscope": _evalscope,
}
"""How each layout is written."""
