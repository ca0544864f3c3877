"""Every answer, kept under the digest of its question: a repeated run asks nothing twice.

One JSON file an answer, written under another name and then renamed, so that threads, processes and crashes
never leave half of one.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasvir.errors import OutputError, RecordError
from tasvir.models.mllm.messages import Reply
from tasvir.models.mllm.question import Question, digest
from tasvir.models.user_cache import user_cache

_log = logging.getLogger(__name__)
_KINDS: dict[str, Any] = {
    "text": str, "model": str, "input_tokens": int, "output_tokens": int, "money": (int, float, type(None)),
    "seconds": (int, float), "replayed": bool,
}  # fmt: skip


def default_folder() -> Path:
    """The user's cache: ``$XDG_CACHE_HOME/tasvir/replies``, or below ``~/.cache``."""
    return user_cache("replies")


class ReplyStore:
    """A folder of answers.

    Args:
        folder: Made when the first answer is kept.
        strict: A damaged file is an error; otherwise it is told of and its question counts as unanswered.
    """

    def __init__(self, folder: Path, strict: bool = False) -> None:
        self.folder = folder
        self._strict = strict
        self._locks: dict[str, threading.Lock] = {}

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.json"

    @contextmanager
    def alone(self, digest: str) -> Iterator[None]:
        """Hold others of this process off a question, so that the same one is never paid twice."""
        with self._locks.setdefault(digest, threading.Lock()):
            yield

    def get(self, question: Question) -> Reply | None:
        """The kept answer, marked as replayed; None if there is none.

        Raises:
            RecordError: The file is damaged, and the store is strict.
        """
        path = self.path(question.digest())
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return _read(content, path.stem)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
            message = f"{path}: cannot be read as a kept answer ({problem})"
            if self._strict:
                raise RecordError(f"{message}: delete it and ask again without --replay") from problem
            _log.warning("%s; the question is asked anew", message)
            return None

    def put(self, question: Question, reply: Reply) -> None:
        """Keep an answer.

        Raises:
            OutputError: It cannot be written.
        """
        readable = question.readable()
        name = digest(readable)
        content = {
            "question": readable,
            "reply": asdict(reply),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            _write(self.path(name), json.dumps(content, indent=1, ensure_ascii=False))
        except OSError as problem:
            raise OutputError(
                f"the answer cannot be kept in {self.folder}: {problem.strerror or problem}; "
                "give another folder with --replies"
            ) from problem


def _read(content: dict[str, Any], name: str) -> Reply:
    if digest(content["question"]) != name:
        raise ValueError("its question is not the one that its name stands for")
    fields = {field: content["reply"][field] for field in _KINDS}
    wrong = [field for field, kind in _KINDS.items() if not isinstance(fields[field], kind)]
    if wrong:
        raise ValueError(f"wrong kind of value for {', '.join(wrong)}")
    return Reply(**{**fields, "money": 0.0, "replayed": True})


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # a lone surrogate in a model's answer has no place in UTF-8
    data = text.encode("utf-8", "backslashreplace")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        try:
            part.write(data)
            part.close()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
