"""A guide behind OpenAI's protocol: GET /v1/models and POST /v1/chat/completions, for programs.

One question at a time reaches the guide, since a guide serves one loop; others wait. Nothing is kept, nothing
is fetched, and pages in a browser are refused, so that no site can spend what a guide costs.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tasvir.app.serving.chat import read_chat, write_answer, write_error, write_model, write_models
from tasvir.errors import ServiceError, SettingError, TasvirError, UserInputError
from tasvir.guide.base import Guide
from tasvir.guide.mllm.request_text import read as read_request

MAX_BODY_BYTES = 32_000_000
IDLE_SECONDS = 60.0
"""How long a connection may say nothing."""
_CHAT, _MODELS = "/v1/chat/completions", "/v1/models"


class GuideServer(ThreadingHTTPServer):
    """Serves one guide until it is shut down.

    Args:
        guide: Who answers.
        host: Address to listen at.
        port: Port to listen at; 0 takes a free one.
        tell: Called with one line for each question.

    Raises:
        SettingError: The address cannot be listened at.
    """

    daemon_threads = True

    def __init__(
        self, guide: Guide, host: str = "127.0.0.1", port: int = 0, tell: Callable[[str], None] | None = None
    ) -> None:
        self.guide = guide
        self.tell = tell or (lambda _: None)
        self._lock = threading.Lock()
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise SettingError(
                f"cannot listen at {host}:{port}: {reason}; choose another --host or --port"
            ) from problem

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """What a client is pointed to."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def answer(self, body: object) -> dict[str, Any]:
        """The answer to the body of a chat.

        Raises:
            TasvirError: The question cannot be read, or the guide fails.
        """
        chat = read_chat(body)
        if chat.model != self.guide.label:
            raise _NoSuchModelError(f"there is no model {chat.model!r} here; known: {self.guide.label}")
        request = read_request(chat.messages)
        start = time.perf_counter()
        with self._lock:
            text = self.guide.reply(request, seed=chat.seed)
        self.tell(f"{request.skill}  {time.perf_counter() - start:.2f} s")
        return write_answer(chat, text)


class _NoSuchModelError(SettingError):
    """A model that is not served."""


class _RefusedError(Exception):
    """A request that is refused before it is understood.

    Args:
        status: HTTP status.
        message: What is wrong.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: GuideServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._respond(self._show)

    def do_POST(self) -> None:
        self._respond(self._chat)

    def log_message(self, format: str, *arguments: object) -> None:
        """The server tells of questions itself."""

    def _respond(self, work: Callable[[], dict[str, Any]]) -> None:
        try:
            if self.headers.get("Origin") is not None:
                raise _RefusedError(403, "this server is for programs, not for pages in a browser")
            self._send(200, work())
        except _RefusedError as problem:
            self.close_connection = True  # the body was not read, and the next request begins after it
            self._fail(problem.status, str(problem))
        except TasvirError as problem:
            self._fail(_status(problem), str(problem))
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as problem:  # whatever a stranger's guide does, the next question is answered
            self._fail(500, f"the guide failed: {type(problem).__name__}")

    def _show(self) -> dict[str, Any]:
        path, name = self.path.partition("?")[0], self.server.guide.label
        if path == _MODELS:
            return write_models(name)
        if unquote(path) == f"{_MODELS}/{name}":
            return write_model(name)
        raise _RefusedError(405 if path == _CHAT else 404, f"no GET {path[:80]!r} here: try GET {_MODELS}")

    def _chat(self) -> dict[str, Any]:
        path = self.path.partition("?")[0]
        if path != _CHAT:
            raise _RefusedError(405 if path == _MODELS else 404, f"no POST {path[:80]!r} here: POST {_CHAT}")
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(415, "the Content-Type must be application/json")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _RefusedError(411, "the request needs a Content-Length")
        if int(length) > MAX_BODY_BYTES:
            raise _RefusedError(413, f"the body has {length} bytes, at most {MAX_BODY_BYTES} are read")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as problem:
            raise SettingError(f"the body is not JSON: {problem}") from problem
        return self.server.answer(body)

    def _fail(self, status: int, message: str) -> None:
        self.server.tell(f"refused  {status}")
        self._send(status, write_error(status, message))

    def _send(self, status: int, data: dict[str, Any]) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _status(problem: TasvirError) -> int:
    if isinstance(problem, _NoSuchModelError):
        return 404
    if isinstance(problem, UserInputError):
        return 400
    return 502 if isinstance(problem, ServiceError) else 500
