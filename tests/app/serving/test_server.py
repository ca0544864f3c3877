"""The server against bad requests: each has its status and an error, and the next question is answered."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from tasvir.app.serving.server import MAX_BODY_BYTES, GuideServer
from tasvir.errors import BudgetError, ServiceError, SettingError
from tasvir.guide.base import Guide, Request
from tasvir.guide.guides.embedded import EmbeddedGuide

Serve = Callable[[Guide], GuideServer]
CHAT, JSON = "/v1/chat/completions", {"Content-Type": "application/json"}
GOOD = {"model": "embedded", "messages": [{"role": "user", "content": "a dog"}]}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def send(
    server: GuideServer, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def ask(server: GuideServer, **changes: Any) -> tuple[int, Any]:
    return send(server, "POST", CHAT, json.dumps({**GOOD, **changes}).encode(), JSON)


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def pictured(url: str) -> list[dict[str, Any]]:
    return user([{"type": "image_url", "image_url": {"url": url}}])


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"model": "other"}, 404, "known: embedded"),
        ({"model": None}, 400, "'model'"),
        ({"messages": []}, 400, "'messages'"),
        ({"messages": user("x") * 201}, 400, "'messages'"),
        ({"messages": ["a dog"]}, 400, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, 400, "role"),
        ({"messages": user(3)}, 400, "messages[0].content"),
        ({"messages": user(None)}, 400, "messages[0].content"),
        ({"messages": user([{"type": "input_audio"}])}, 400, "messages[0].content[0]"),
        ({"messages": user([{"type": "image_url", "image_url": PIXEL}])}, 400, "messages[0].content[0]"),
        (
            {"messages": pictured("http://a.b/c.png")},
            400,
            "itself",
        ),
        (
            {"messages": pictured("file:///etc/hosts")},
            400,
            "itself",
        ),
        ({"messages": pictured(PIXEL + "%")}, 400, "base64"),
        ({"messages": pictured(PIXEL)}, 400, "not a picture"),
        ({"messages": user(" ")}, 400, "text"),
        ({"messages": user('{"skill": "ask", "prompt": "who are you?"}')}, 400, "no free questions"),
        ({"messages": user("a " * 300)}, 400, "300 words"),
        ({"stream": True}, 400, "'stream'"),
        ({"n": 2}, 400, "'n'"),
        ({"tools": [{}]}, 400, "'tools'"),
        ({"response_format": {"type": "xml"}}, 400, "'response_format'"),
        ({"seed": -1}, 400, "'seed'"),
        ({"seed": "1"}, 400, "'seed'"),
    ],
)
def test_bad_questions(serve: Serve, changes: dict[str, Any], status: int, word: str) -> None:
    server = serve(EmbeddedGuide())
    found, body = ask(server, **changes)
    assert found == status and word in body["error"]["message"]
    assert body["error"]["type"] == "invalid_request_error"
    assert ask(server)[0] == 200


def test_a_picture_of_very_many_pixels_is_refused_undecoded(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, "PNG")
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    status, body = ask(serve(EmbeddedGuide()), messages=pictured(url))
    assert status == 400 and "5000 x 5000 pixels" in body["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/", None, {}, 404),
        ("GET", "/v1/models/other", None, {}, 404),
        ("GET", CHAT, None, {}, 405),
        ("POST", "/v1/models", b"{}", JSON, 405),
        ("POST", "/v1/embeddings", b"{}", JSON, 404),
        ("POST", CHAT, b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", CHAT, b"{}", {}, 415),
        ("POST", CHAT, b"{}", {**JSON, "Content-Length": "-2"}, 411),
        ("POST", CHAT, b"{}", {**JSON, "Content-Length": str(MAX_BODY_BYTES + 1)}, 413),
        ("POST", CHAT, b"{", JSON, 400),
        ("POST", CHAT, b"\xff", JSON, 400),
        ("POST", CHAT, b"[" * 100_000, JSON, 400),
        ("POST", CHAT, b"3", JSON, 400),
        ("POST", CHAT, json.dumps(GOOD).encode(), {**JSON, "Origin": "http://evil.example"}, 403),
    ],
)
def test_bad_requests(
    serve: Serve, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    server = serve(EmbeddedGuide())
    found, answer = send(server, method, path, body, headers)
    assert found == status and answer["error"]["message"]
    assert ask(server)[0] == 200


class Failing(Guide):
    """Raises what it was given."""

    name = "embedded"

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def reply(self, request: Request, *, seed: int) -> str:
        raise self.problem


@pytest.mark.parametrize(
    ("problem", "status", "word"),
    [
        (ServiceError("the service is away"), 502, "is away"),
        (BudgetError("no money left"), 500, "no money left"),
        (KeyError("secret"), 500, "KeyError"),
    ],
)
def test_a_guide_that_fails_is_an_error_of_the_server(
    serve: Serve, problem: Exception, status: int, word: str
) -> None:
    found, body = ask(serve(Failing(problem)))
    assert found == status and word in body["error"]["message"] and body["error"]["type"] == "api_error"
    assert "secret" not in body["error"]["message"]


def test_a_connection_serves_many_questions(serve: Serve) -> None:
    connection = http.client.HTTPConnection(*serve(EmbeddedGuide()).server_address[:2], timeout=10)
    for _ in range(3):
        connection.request("POST", CHAT, json.dumps(GOOD), JSON)
        response = connection.getresponse()
        assert response.status == 200 and response.read()
    connection.close()


def test_a_client_that_hangs_up_disturbs_nobody(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    server = serve(EmbeddedGuide())
    for sent in (b"POST ", b"POST /v1/chat/completions HTTP/1.1\r\nContent-Type: application/json\r\n"):
        with socket.create_connection(server.server_address[:2], timeout=10) as raw:
            raw.sendall(sent)
    assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""


def test_a_taken_port_is_told(serve: Serve) -> None:
    port = serve(EmbeddedGuide()).server_address[1]
    with pytest.raises(SettingError, match="choose another --host or --port"):
        GuideServer(EmbeddedGuide(), "127.0.0.1", int(port))
