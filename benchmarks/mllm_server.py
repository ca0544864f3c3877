"""A local server that speaks the protocols of OpenAI, Google Gemini and Anthropic, for tests and benchmarks.

It reads each request as the real service does (keys in the protocol's own header, pictures out of the
messages), refuses what is malformed with the protocol's own error, counts tokens by a rule that can be redone
by hand, and fails on demand. It is no model: what it answers is what its user told it to.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from mllm_wire import Question, WireError, answered, error_body, protocol_of, understood


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request instead of an answer, or on its way.

    Args:
        status: HTTP status; 200 with no body and no `finish` answers as ever (after `delay`).
        body: Sent instead of the protocol's error or answer.
        content_type: Of the body.
        headers: Further ones, such as Retry-After.
        delay: Seconds to wait first.
        cut: Promise the whole answer, send half of it and hang up.
        drop: Hang up without an answer.
        finish: "refused" (a safety filter), "length" (out of tokens) or "empty" (no choices), not "stop".
    """

    status: int = 200
    body: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    drop: bool = False
    finish: str = "stop"


class MllmServer:
    """The server, listening on a free port of this machine while the ``with`` block lasts.

    Args:
        answer: What it says to a question.
        delay: Seconds that each answer takes.
        key: The key that it asks for; None takes any and none.
        models: The models that it has; None has all.
        reads_schema: Whether it takes a JSON schema; without, it refuses one with 400 as some servers do.
        faults: What goes wrong with the first requests, one each, in order; `fault` adds more.
    """

    def __init__(
        self,
        answer: Callable[[Question], str] = lambda question: f"You said: {question.text}",
        *,
        delay: float = 0.0,
        key: str | None = None,
        models: Iterable[str] | None = None,
        reads_schema: bool = True,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.answer, self.delay, self.key = answer, delay, key
        self.models = None if models is None else set(models)
        self.reads_schema = reads_schema
        self.faults = deque(faults)
        self.questions: list[Question] = []
        """Every request that was understood, those that met a fault too."""
        self.most_at_once = 0
        """The most requests that were being worked on at one moment."""
        self._at_work = 0
        self._lock = threading.Lock()
        self._server = _Listener(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """Where Google's and Anthropic's clients are pointed: "http://127.0.0.1:PORT"."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_address(self) -> str:
        """Where OpenAI's client is pointed."""
        return f"{self.address}/v1"

    def fault(self, *faults: Fault) -> None:
        """Let the next requests go wrong, one fault each."""
        self.faults.extend(faults)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, question: Question) -> Fault:
        """Note a question, and say what is to go wrong with it."""
        with self._lock:
            self.questions.append(question)
            return self.faults.popleft() if self.faults else Fault()

    def started(self) -> None:
        with self._lock:
            self._at_work += 1
            self.most_at_once = max(self.most_at_once, self._at_work)

    def ended(self) -> None:
        with self._lock:
            self._at_work -= 1


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: MllmServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of what is tested."""


@dataclass(frozen=True, slots=True)
class _Sent:
    status: int
    content: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection of its listener's server."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is printed."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        protocol = protocol_of(self.path)
        owner = self.server.owner
        owner.started()
        try:
            sent = self._outcome(protocol, body)
        except WireError as error:
            sent = _Sent(error.status, json.dumps(error_body(protocol, error.status, str(error))).encode())
        finally:
            owner.ended()  # before anything is sent: its receiver may ask again at once
        if sent is None:
            self._hang_up()
        else:
            self._send(sent)

    def _outcome(self, protocol: str, body: bytes) -> _Sent | None:
        """What a request is answered; None hangs up."""
        owner = self.server.owner
        question = understood(protocol, self.path, dict(self.headers.items()), body)
        if owner.key is not None and question.key != owner.key:
            raise WireError(401, f"Incorrect API key provided: {question.key}.")
        if owner.models is not None and question.model not in owner.models:
            raise WireError(404, f"The model {question.model} does not exist")
        fault = owner.take(question)
        time.sleep(owner.delay + fault.delay)
        if fault.drop:
            return None
        content = fault.body
        if content is None and fault.status != 200:
            content = json.dumps(error_body(protocol, fault.status, "the fault that was asked for")).encode()
        if content is None:
            if question.schema is not None and not owner.reads_schema:
                raise WireError(400, "response_format json_schema is not supported by this model")
            content = json.dumps(answered(question, owner.answer(question), fault.finish)).encode()
        return _Sent(fault.status, content, fault.content_type, fault.headers, fault.cut)

    def _send(self, sent: _Sent) -> None:
        self.send_response(sent.status)
        self.send_header("Content-Type", sent.content_type)
        self.send_header("Content-Length", str(len(sent.content)))
        for name, value in sent.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent.content[: len(sent.content) // 2] if sent.cut else sent.content)
        if sent.cut:
            self.wfile.flush()
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        # a linger of 0 seconds sends a reset: the client sees a dropped connection, not a tidy end
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
