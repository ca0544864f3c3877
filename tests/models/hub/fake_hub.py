"""A hub on this machine that speaks as much of the protocol as downloading a model takes.

Repositories are folders. What a repository answers instead of files is told by its name: see `ANSWERS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34
ANSWERS = {
    "gone": (404, "RepoNotFound"),
    "gated": (403, "GatedRepo"),
    "revision": (404, "RevisionNotFound"),
    "broken": (400, ""),
}


class _Handler(BaseHTTPRequestHandler):
    root: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(f"{self.command} {path}")
        words = path.strip("/").split("/")
        repository = words[2:4] if words[:2] == ["api", "models"] else words[:2]
        if repository[-1] in ANSWERS:
            status, code = ANSWERS[repository[-1]]
            self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": "as the test asked"}, with_body)
        elif words[:2] == ["api", "models"]:
            body = json.dumps(self._about("/".join(repository), words[4:])).encode()
            self._send(200, body, {"Content-Type": "application/json"}, with_body)
        else:
            file = self.root.joinpath(*repository, *words[4:])
            if not file.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, with_body)
                return
            body = file.read_bytes()
            tag = f'"{hashlib.sha1(body).hexdigest()}"'
            self._send(200, body, {"ETag": tag, "X-Repo-Commit": COMMIT}, with_body)

    def _about(self, repository: str, rest: list[str]) -> Any:
        folder = self.root / repository
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        names = [file.relative_to(folder).as_posix() for file in files]
        if rest[:1] == ["tree"]:
            return [
                {
                    "type": "file",
                    "path": name,
                    "size": file.stat().st_size,
                    "oid": hashlib.sha1(file.read_bytes()).hexdigest(),
                }
                for name, file in zip(names, files, strict=True)
            ]
        return {"id": repository, "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}

    def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, list[str]]]:
    """The hub's address, and the requests that it got."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"root": root, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
