"""A local server that speaks the protocols of OpenAI, Google Gemini and Anthropic, for tests and benchmarks.

It reads each request as the real service does (keys in the protocol's own header, pictures out of the
messages), refuses what is malformed with the protocol's own error, counts tokens by a rule that can be redone
by hand, and fails on demand. It is no model: what it answers is what its user told it to.
"""

from __future__ import annotations

import base64
import binascii
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

IMAGE_TOKENS = 258
"""What a picture counts here, whatever its size."""
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1beta/models/")
"""OpenAI, Anthropic, Google."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it came over the wire: its role in tasvir's words, its text, and its pictures' bytes."""

    role: str
    text: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One request as it was understood.

    Args:
        protocol: "openai", "google" or "anthropic".
        model: The model that was asked for.
        messages: In order, the system's first.
        key: What stood in the protocol's own header for it; "" if nothing did.
        schema: The JSON schema asked for, if any.
        temperature: As sent, if it was.
        max_tokens: As sent, if it was.
        seed: As sent, if it was.
        at: Seconds of a steady clock when it came in.
    """

    protocol: str
    model: str
    messages: tuple[Said, ...]
    key: str
    schema: Mapping[str, Any] | None
    temperature: float | None
    max_tokens: int | None
    seed: int | None
    at: float

    @property
    def text(self) -> str:
        """What was said last."""
        return self.messages[-1].text

    @property
    def tokens(self) -> int:
        """Words of all messages, and 258 a picture."""
        return sum(len(said.text.split()) + IMAGE_TOKENS * len(said.images) for said in self.messages)


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
        finish: "refused" (a safety filter), "length" (out of tokens) or "empty" (no choices) instead of
        "stop".
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


class WireError(Exception):
    """A request that the real service would refuse.

    Args:
        status: HTTP status.
        message: What is wrong with it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


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
        protocol = _protocol(self.path)
        owner = self.server.owner
        owner.started()
        try:
            sent = self._outcome(protocol, body)
        except WireError as error:
            sent = _Sent(error.status, json.dumps(_error(protocol, error.status, str(error))).encode())
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
            content = json.dumps(_error(protocol, fault.status, "the fault that was asked for")).encode()
        if content is None:
            if question.schema is not None and not owner.reads_schema:
                raise WireError(400, "response_format json_schema is not supported by this model")
            content = json.dumps(_answered(question, owner.answer(question), fault.finish)).encode()
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


def _protocol(path: str) -> str:
    names = ("openai", "anthropic", "google")
    return next((name for name, start in zip(names, PATHS, strict=True) if path.startswith(start)), "openai")


def understood(protocol: str, path: str, headers: Mapping[str, str], body: bytes) -> Question:
    """A request's question, read as strictly as the service would.

    Raises:
        WireError: No such path, no JSON, a picture that cannot be read, or a field of the wrong type.
    """
    if not path.startswith(PATHS):
        raise WireError(404, f"Invalid URL (POST {path})")
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        content = json.loads(body)
        read = {"openai": _from_openai, "google": _from_google, "anthropic": _from_anthropic}[protocol]
        return read(path, lowered, content)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise WireError(400, f"Invalid request: {error!r}") from error


def _from_openai(_path: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Question:
    asked = content.get("response_format") or {}
    limit = content.get("max_completion_tokens", content.get("max_tokens"))
    return Question(
        "openai",
        content["model"],
        tuple(_openai_said(message) for message in content["messages"]),
        _bearer(headers),
        asked["json_schema"]["schema"] if asked.get("type") == "json_schema" else None,
        content.get("temperature"),
        limit,
        content.get("seed"),
        time.monotonic(),
    )


def _bearer(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").removeprefix("Bearer ")


def _openai_said(message: Mapping[str, Any]) -> Said:
    content = message["content"]
    if isinstance(content, str):
        return Said(message["role"], content)
    texts = [part["text"] for part in content if part["type"] == "text"]
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    return Said(message["role"], "\n".join(texts), tuple(_data_url(url) for url in urls))


def _data_url(url: str) -> bytes:
    head, _, data = url.partition(",")
    if head != "data:image/png;base64":
        raise ValueError(f"no PNG as a data URL: {head!r}")
    return base64.b64decode(data, validate=True)


def _from_google(path: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Question:
    model, _, verb = path.removeprefix(PATHS[2]).partition(":")
    if verb.partition("?")[0] != "generateContent":
        raise WireError(404, f"no such method: {verb}")
    settings = content.get("generationConfig") or {}
    messages = [_google_said(turn) for turn in content["contents"]]
    if instruction := content.get("systemInstruction"):
        messages.insert(0, Said("system", _google_said(instruction).text))
    return Question(
        "google",
        model,
        tuple(messages),
        headers.get("x-goog-api-key", ""),
        settings.get("responseJsonSchema") or settings.get("responseSchema"),
        settings.get("temperature"),
        settings.get("maxOutputTokens"),
        settings.get("seed"),
        time.monotonic(),
    )


def _google_said(turn: Mapping[str, Any]) -> Said:
    texts = [part["text"] for part in turn["parts"] if "text" in part]
    pictures = [part["inlineData"] for part in turn["parts"] if "inlineData" in part]
    # the API takes both spellings of its fields, and Google's own client sends this one
    if any(picture.get("mimeType", picture.get("mime_type")) != "image/png" for picture in pictures):
        raise ValueError("a picture that is no PNG")
    images = tuple(base64.b64decode(_standard(picture["data"]), validate=True) for picture in pictures)
    role = {"model": "assistant"}.get(turn.get("role", "user"), "user")
    return Said(role, "\n".join(texts), images)


def _standard(data: str) -> str:
    """Base64 in the alphabet for URLs, which Google takes too, in the common one."""
    return data.replace("-", "+").replace("_", "/")


def _from_anthropic(_path: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Question:
    if "anthropic-version" not in headers:
        raise WireError(400, "anthropic-version: header is required")
    if "max_tokens" not in content:
        raise WireError(400, "max_tokens: Field required")
    asked = (content.get("output_config") or {}).get("format") or content.get("output_format") or {}
    messages = [_anthropic_said(message["role"], message["content"]) for message in content["messages"]]
    if system := content.get("system"):
        messages.insert(0, _anthropic_said("system", system))
    return Question(
        "anthropic",
        content["model"],
        tuple(messages),
        headers.get("x-api-key") or _bearer(headers),
        asked.get("schema"),
        content.get("temperature"),
        content["max_tokens"],
        None,
        time.monotonic(),
    )


def _anthropic_said(role: str, content: Any) -> Said:
    if isinstance(content, str):
        return Said(role, content)
    texts = [block["text"] for block in content if block["type"] == "text"]
    sources = [block["source"] for block in content if block["type"] == "image"]
    if any(source["type"] != "base64" or source["media_type"] != "image/png" for source in sources):
        raise ValueError("a picture that is no PNG in base64")
    images = tuple(base64.b64decode(source["data"], validate=True) for source in sources)
    return Said(role, "\n".join(texts), images)


def _answered(question: Question, text: str, finish: str) -> dict[str, Any]:
    """An answer in the protocol's own form, with the tokens that were counted."""
    given = 0 if finish in ("refused", "empty") else len(text.split())
    write = {"openai": _to_openai, "google": _to_google, "anthropic": _to_anthropic}[question.protocol]
    return write(question, text, finish, given)


def _to_openai(question: Question, text: str, finish: str, given: int) -> dict[str, Any]:
    reason = {"refused": "content_filter"}.get(finish, finish)
    message = {"role": "assistant", "content": None if finish == "refused" else text}
    choices = [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": question.model,
        "choices": [] if finish == "empty" else choices,
        "usage": {
            "prompt_tokens": question.tokens,
            "completion_tokens": given,
            "total_tokens": question.tokens + given,
        },
    }


def _to_google(question: Question, text: str, finish: str, given: int) -> dict[str, Any]:
    counts = {
        "promptTokenCount": question.tokens,
        "candidatesTokenCount": given,
        "totalTokenCount": question.tokens + given,
    }
    whole = {"usageMetadata": counts, "modelVersion": question.model, "responseId": "1"}
    if finish == "refused":
        return {**whole, "promptFeedback": {"blockReason": "SAFETY"}}
    content = {"role": "model", "parts": [{"text": text}]}
    reason = {"length": "MAX_TOKENS"}.get(finish, "STOP")
    candidates = [] if finish == "empty" else [{"content": content, "finishReason": reason, "index": 0}]
    return {**whole, "candidates": candidates}


def _to_anthropic(question: Question, text: str, finish: str, given: int) -> dict[str, Any]:
    silent = finish in ("refused", "empty")
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": [] if silent else [{"type": "text", "text": text}],
        "stop_reason": {"refused": "refusal", "length": "max_tokens"}.get(finish, "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": question.tokens, "output_tokens": given},
    }


def _error(protocol: str, status: int, message: str) -> dict[str, Any]:
    """An error in the protocol's own form."""
    if protocol == "google":
        names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
        names |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
        return {"error": {"code": status, "message": message, "status": names.get(status, "UNAVAILABLE")}}
    names = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}
    kind = {**names, 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}.get(
        status, "api_error"
    )
    if protocol == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
