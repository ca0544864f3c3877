"""One file of the net, of limited size, into memory."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

from tasvir.errors import DownloadError, SettingError

MAX_BYTES = 64 * 2**20
TIMEOUT = 30.0
"""Seconds without an answer after which a download is given up."""
_CHUNK = 2**16

OnProgress = Callable[[int, int | None], None]
"""Takes the bytes that are there and how many there will be, where the server says that."""


def is_address(source: str) -> bool:
    """Whether a source is an address of the net and not a path."""
    return source.lower().startswith(("http://", "https://"))


def without_secrets(url: str) -> str:
    """An address without user, password and query, for messages and records."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def download(
    url: str,
    on_progress: OnProgress | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    timeout: float = TIMEOUT,
) -> bytes:
    """What is at an address.

    Raises:
        DownloadError: It cannot be had, was cut short or is too large; says what to do by hand. Its
            ``status`` is the server's answer where there was one.
        SettingError: The address is none.
    """
    shown = without_secrets(url)
    if "@" in urllib.parse.urlsplit(url).netloc:
        raise SettingError(f"{shown}: leave user and password out of the address, or download it by hand")
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            length = answer.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            return _read(answer, total, shown, max_bytes, on_progress)
    except urllib.error.HTTPError as problem:
        problem.close()
        raise _failed(shown, f"the server says {problem.code} {problem.reason}", problem.code) from problem
    except (urllib.error.URLError, http.client.HTTPException, OSError) as problem:
        if isinstance(problem, http.client.InvalidURL):
            raise SettingError(f"{shown!r} is no address") from problem
        reason = getattr(problem, "reason", None) or problem
        raise _failed(shown, str(reason) or type(problem).__name__) from problem


def _read(
    answer: http.client.HTTPResponse,
    total: int | None,
    shown: str,
    max_bytes: int,
    on_progress: OnProgress | None,
) -> bytes:
    data = bytearray()
    while chunk := answer.read(_CHUNK):
        data += chunk
        if len(data) > max_bytes:
            raise _failed(shown, f"it is larger than {max_bytes / 2**20:g} MiB")
        if on_progress is not None:
            on_progress(len(data), total)
    if total is not None and len(data) != total:
        raise _failed(shown, f"it was cut short: {len(data)} of {total} bytes came")
    return bytes(data)


def _failed(shown: str, reason: str, status: int | None = None) -> DownloadError:
    return DownloadError(
        f"cannot get {shown}: {reason}; download it by hand, in a browser or on another machine, and name "
        "the file with --from",
        status,
    )
