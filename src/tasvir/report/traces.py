"""A trace as a folder: picture.png, round-0.png, ..., trace.json, trace.html; readable also after a kill.

Every file is written beside its place and renamed into it, pictures before the JSON that names them, so
trace.json never speaks of a picture that is not there.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasvir import __version__
from tasvir.errors import OutputError, PromptError, RecordError
from tasvir.records import Attempt, Layout, Picture, Prompt, Trace, Usage, Verdict
from tasvir.report.trace_page import render_trace
from tasvir.report.writing import write_whole

FORMAT = "tasvir-trace/1"
JSON_NAME, PAGE_NAME, PICTURE_NAME = "trace.json", "trace.html", "picture.png"


class TraceFolder:
    """The folder that one trace goes to.

    An empty or missing folder is taken, and one that holds an earlier trace. Its files are removed when the
    first save comes, so that a run which fails before it has anything to show leaves the earlier trace alone.

    Args:
        path: Made if it does not exist, with its parents.

    Raises:
        OutputError: The folder cannot be made or written, or it holds files that are not a trace's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._started = False
        self._made = not os.path.exists(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
            taken = any(path.iterdir())
        except OSError as problem:
            raise OutputError(
                f"cannot write to the folder {path}: {problem.strerror or problem}; choose another with --out"
            ) from problem
        if taken and not _is_trace(path):
            raise OutputError(
                f"the folder {path} holds other files and no trace of tasvir: nothing was touched; "
                "choose an empty or a new folder with --out"
            )

    def save(self, trace: Trace) -> None:
        """Write everything that is known so far; call it after every event.

        Before there is a draft or a picture nothing is written, and an earlier trace stays.

        Raises:
            OutputError: A file cannot be written (the disk is full, the folder is gone).
        """
        if not (trace.drafts or trace.attempts):
            return
        try:
            if not self._started:
                _remove_trace(self.path)
                self._started = True
            self._save_pictures(trace)
            write_whole(self.path / JSON_NAME, (trace.to_json() + "\n").encode())
            write_whole(self.path / PAGE_NAME, render_trace(trace).encode())
        except OSError as problem:
            raise OutputError(
                f"cannot write the trace to {self.path}: {problem.strerror or problem}"
            ) from problem

    def abandon(self) -> None:
        """Remove the folder again if it was made for this trace and nothing was saved to it."""
        if self._made and not self._started:
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def _save_pictures(self, trace: Trace) -> None:
        """Write each round's picture; the last one again, since its verdict comes after it."""
        for attempt in trace.attempts:
            target = self.path / f"round-{attempt.index}.png"
            if attempt is trace.attempts[-1] or not target.exists():
                write_whole(target, with_text(attempt.picture.png, chunks(trace, attempt)))
        if trace.best_index is not None:
            write_whole(
                self.path / PICTURE_NAME, with_text(trace.best.picture.png, chunks(trace, trace.best))
            )


def load_trace(folder: Path) -> Trace:
    """Read back what `TraceFolder.save` wrote, pictures included.

    Raises:
        RecordError: trace.json or a picture is missing, or is not what this version writes.
    """
    path = folder / JSON_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise RecordError(f"cannot read {path}: {problem}") from problem
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise RecordError(f'{path} is not a trace of this version: expected "format": "{FORMAT}"')
    try:
        return Trace(
            prompt=Prompt(data["prompt"]),
            seed=int(data["seed"]),
            settings=dict(data["settings"]),
            drafts=tuple(Layout.from_dict(draft) for draft in data["drafts"]),
            attempts=tuple(_attempt(item, folder) for item in data["attempts"]),
            best_index=data["best_index"],
            finished=str(data["finished"]),
            usage=Usage(**data.get("usage", {})),
            repairs=int(data.get("repairs", 0)),
        )
    except (KeyError, TypeError, ValueError, OSError, PromptError) as problem:
        raise RecordError(f"cannot read the trace in {folder}: {problem!r}") from problem


def chunks(trace: Trace, attempt: Attempt) -> dict[str, str]:
    """The PNG text chunks of one picture: what is needed to know and to repeat it."""
    provenance = attempt.picture.provenance
    found = {
        "Software": f"tasvir {__version__}",
        "prompt": trace.prompt.text,
        "seed": str(provenance.get("seed", trace.seed)),
        "run_seed": str(trace.seed),
        "models": json.dumps({key: trace.settings.get(key) for key in ("guide", "judge", "generator")}),
        "provenance": json.dumps(provenance, ensure_ascii=False),
    }
    if attempt.layout is not None:
        found["layout"] = json.dumps(attempt.layout.to_dict(), ensure_ascii=False)
    if attempt.verdict is not None:
        found["score"] = str(attempt.verdict.score)
    return found


def with_text(png: bytes, texts: Mapping[str, str]) -> bytes:
    """The same pixels with text chunks (iTXt, UTF-8) in the PNG."""
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _is_trace(folder: Path) -> bool:
    """A trace is there, or the first pictures of one that a kill cut short."""
    if all(path.match("round-*.png") or path.name.startswith(".") for path in folder.iterdir()):
        return True
    try:
        data = json.loads((folder / JSON_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("format") == FORMAT


def _remove_trace(folder: Path) -> None:
    for path in (folder / PAGE_NAME, folder / PICTURE_NAME, *folder.glob("round-*.png"), folder / JSON_NAME):
        path.unlink(missing_ok=True)


def _attempt(item: Mapping[str, Any], folder: Path) -> Attempt:
    index = int(item["index"])
    picture, verdict = item["picture"], item["verdict"]
    return Attempt(
        index=index,
        layout=None if item["layout"] is None else Layout.from_dict(item["layout"]),
        picture=Picture(
            png=(folder / f"round-{index}.png").read_bytes(),
            width=int(picture["width"]),
            height=int(picture["height"]),
            provenance=dict(picture["provenance"]),
        ),
        verdict=None
        if verdict is None
        else Verdict(int(verdict["score"]), str(verdict["reason"]), tuple(verdict["missing"])),
        changes=tuple(item["changes"]),
        seconds={step: float(value) for step, value in item["seconds"].items()},
    )
