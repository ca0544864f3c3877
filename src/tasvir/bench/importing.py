"""Imports a published suite: finds its files, reads them, checks what came out, keeps it.

Whatever is put right or found is told. A version that is not known is a warning, because files change; other
numbers of prompts than were published are an error, because then most likely something was lost.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasvir import __version__, registry
from tasvir.bench.base import Suite
from tasvir.bench.download import OnProgress, is_address, without_secrets
from tasvir.bench.imported import Given, ImportedSuite
from tasvir.bench.prompt_rows import check_letters, checked_prompt
from tasvir.bench.published import PublishedSuite, texts_hash
from tasvir.bench.suite_folder import suite_folder, write_suite
from tasvir.bench.suite_sources import gather
from tasvir.errors import SettingError, UnknownNameError, UserInputError
from tasvir.records import SuitePrompt

CLIP_TOKENS = 77
"""What CLIP's text encoders read, the two marks at the ends included."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought.

    Args:
        suite: Its name.
        rows: Prompts.
        categories: Prompts by category.
        version: Which published version it is; None = none that is known.
        notes: What was put right or is worth knowing.
        warnings: Why results may not be comparable to published ones.
        folder: Where it was put.
    """

    suite: str
    rows: int
    categories: dict[str, int]
    version: str | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    folder: Path


def add_suite(
    name: str,
    source: str,
    *,
    accept: bool = False,
    root: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Imported:
    """Import a suite in place of the one of that name that was there.

    Args:
        name: A suite that is imported ("drawbench").
        source: File, folder or address.
        accept: Take it with other numbers of prompts than were published.
        root: Folder of all imported suites; None = that of the user.
        on_progress: See `tasvir.bench.download`.

    Raises:
        UnknownNameError: No such suite, or nothing at the source.
        SettingError: The files are not of the expected form, or hold other numbers of prompts.
        DownloadError: The address gives nothing.
        OutputError: The suite cannot be kept.
    """
    suite = importable(name)
    known = suite.published()
    files = gather(known, source, on_progress)
    notes: list[str] = []
    prompts = suite.read(files, notes)
    _check_prompts(name, prompts)
    warnings = _wrong_numbers(known, prompts)
    if warnings and not accept:
        raise SettingError(
            f"{without_secrets(source) if is_address(source) else source} is not {name} as it was "
            f"published: {'; '.join(warnings)}. Give the whole suite, or take it as it is with --accept"
        )
    version = known.versions.get(texts_hash(entry.text for entry in prompts))
    notes += _other_files(known, files, version) + _doubles(prompts) + _overlong(known, prompts, version)
    if version is None and not warnings:
        warnings.append(
            "the prompts are not those of a version that is known here (changed by its authors or by hand): "
            "compare results with published ones only where both name this version"
        )
    folder = suite_folder(name, root)
    write_suite(folder, prompts, _provenance(known, source, files, version, notes + warnings))
    counts = dict(Counter(entry.category for entry in prompts))
    return Imported(name, len(prompts), counts, version, tuple(notes), tuple(warnings), folder)


def importable(name: str) -> type[ImportedSuite]:
    """The plugin of a suite that is imported.

    Raises:
        UnknownNameError: No suite is called so, or it needs no import.
        PluginError: It cannot be loaded.
    """
    plugin, part = registry.split(name)
    suite = registry.load("suites", plugin)
    if not (isinstance(suite, type) and issubclass(suite, Suite) and issubclass(suite, ImportedSuite)):
        raise UnknownNameError(f"the suite {name!r} needs no import: use it as it is")
    if part is not None:
        raise UnknownNameError(f"{plugin!r} is imported as a whole: write {plugin!r} without {':' + part!r}")
    return suite


def estimated_tokens(text: str) -> int:
    """About how many tokens CLIP's tokenizer makes of a text, the two marks at the ends included.

    A word, a digit and a run of signs count one each, a word of more than nine letters one for every six. On
    the longest prompts of GenEval and T2I-CompBench it gives the true 14 and 34, on Parti's 81 for 84; it is
    far too low where words are misspelled.
    """
    words = re.findall(r"[^\W\d_]+|\d|[^\s\w]+|_", text)
    return 2 + sum(1 if len(word) <= 9 or not word.isalpha() else -(-len(word) // 6) for word in words)


def _check_prompts(name: str, prompts: Sequence[SuitePrompt]) -> None:
    if not prompts:
        raise SettingError(f"there are no prompts of {name} in it")
    for entry in prompts:
        try:
            checked_prompt(entry.text)
            check_letters(entry.category, "the category")
        except (UserInputError, ValueError) as problem:
            raise SettingError(f"{name}, prompt {entry.id}: {problem}") from problem


def _wrong_numbers(known: PublishedSuite, prompts: Sequence[SuitePrompt]) -> list[str]:
    found = Counter(entry.category for entry in prompts)
    names = [*known.categories, *(name for name in found if name not in known.categories)]
    told = [
        f"{f'category {name!r}' if name else 'it'} has {found[name]} prompts, published are "
        f"{known.categories.get(name, 0)}"
        for name in names
        if found[name] != known.categories.get(name, 0)
    ]
    return told if len(told) < 5 else [*told[:4], f"and {len(told) - 4} more"]


def _other_files(known: PublishedSuite, files: Mapping[str, Given], version: str | None) -> list[str]:
    notes = []
    for file in known.files:
        given = files.get(file.name)
        if given is None:
            notes.append(f"{file.name} is not there")
        elif file.sha256 and _sha256(given.data) not in file.sha256:
            same = "; the prompts are the published ones, the rest of it was not compared" if version else ""
            notes.append(f"{given.name}: not byte for byte a file that is known{same}")
    return notes


def _doubles(prompts: Sequence[SuitePrompt]) -> list[str]:
    counts = Counter(entry.text for entry in prompts)
    double = [text for text, count in counts.items() if count > 1]
    if not double:
        return []
    return [f"{len(double)} prompts come more than once, as published they count so, e.g. {double[0]!r}"]


def _overlong(known: PublishedSuite, prompts: Sequence[SuitePrompt], version: str | None) -> list[str]:
    if version is not None:
        count, how = known.overlong, "counted with its tokenizer"
    else:
        count, how = sum(estimated_tokens(entry.text) > CLIP_TOKENS for entry in prompts), "estimated"
    told = f"{count} prompts are longer than the {CLIP_TOKENS} tokens that CLIP reads ({how})"
    return [f"{told}: what stands behind is not seen by it"] if count else []


def _provenance(
    known: PublishedSuite, source: str, files: Mapping[str, Given], version: str | None, found: list[str]
) -> dict[str, Any]:
    return {
        "source": without_secrets(source) if is_address(source) else Path(source).name,
        "about": known.about,
        "licence": known.licence,
        "version": version,
        "sha256": {given.name: _sha256(given.data) for given in files.values()},
        "found": found,
        "imported": datetime.now(UTC).isoformat(timespec="seconds"),
        "tasvir": __version__,
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
