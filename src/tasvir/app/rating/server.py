"""A page on which people rate a run's pictures, served on 127.0.0.1 by the standard library alone.

Its address holds a secret that is new each time, and only requests that name this machine as their host are
answered: so no other page in the browser, and no other user of the machine, can read or rate.
"""

from __future__ import annotations

import hmac
import io
import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from tasvir.bench.rating import LEVELS, Rateable, check_rater, order_for
from tasvir.bench.store import RunStore
from tasvir.errors import OutputError, RecordError, SettingError, TasvirError
from tasvir.report.page_templates import template
from tasvir.results import Rating

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LONGEST_BODY = 4096
LONGEST_LOOK = 3600.0
"""Seconds; who took longer was away."""


class RatingServer:
    """Serves the page until it is closed.

    Args:
        store: Of the run; ratings go into it at once.
        pictures: What is rated.
        ratings: What raters have said before, in the order in which they said it.
        rater: Who rates; None lets the page ask.
        port: Where; 0 takes a free one.

    Raises:
        OutputError: The port is taken.
    """

    def __init__(
        self,
        store: RunStore,
        pictures: list[Rateable],
        ratings: tuple[Rating, ...],
        rater: str | None = None,
        port: int = 0,
    ) -> None:
        self._store, self._rater = store, rater
        self._pictures = pictures
        secrets.SystemRandom().shuffle(self._pictures)  # a picture's number tells nothing of it
        self._said: dict[str, dict[tuple[str, str, str], int]] = {}
        for one in ratings:
            self._said.setdefault(one.rater, {})[one.suite, one.prompt, one.picture] = one.value
        self._turn = threading.Lock()
        self._token = secrets.token_urlsafe(16)
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        except OSError as problem:
            raise OutputError(
                f"port {port} cannot be used ({problem.strerror}): take another with --port"
            ) from problem

    @property
    def address(self) -> str:
        """Where to point the browser."""
        return f"http://127.0.0.1:{self._server.server_port}/{self._token}/"

    def serve_forever(self) -> None:
        """Until `close` or Ctrl-C."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop serving; a rating on its way is kept."""
        self._server.shutdown()
        self._server.server_close()

    def page(self) -> tuple[str, str]:
        """The page, and the secret that its style and script carry."""
        nonce = secrets.token_urlsafe(12)
        return template("rate.html").render(nonce=nonce, rater=self._rater, levels=LEVELS), nonce

    def items(self, rater: str) -> dict[str, Any]:
        """A rater's pictures in their order, and what they said of each.

        Raises:
            SettingError: Not a name.
        """
        rater = check_rater(rater)
        # the order hangs on the pictures, not on the numbers that they have this time
        by_picture = sorted(range(len(self._pictures)), key=lambda i: self._key(self._pictures[i]))
        with self._turn:
            said = dict(self._said.get(rater, {}))
        order = [by_picture[place] for place in order_for(rater, len(by_picture))]
        items = [
            {"id": i, "text": self._pictures[i].text, "value": said.get(self._key(self._pictures[i]))}
            for i in order
        ]
        return {"rater": rater, "items": items}

    def picture(self, number: int) -> bytes:
        """A picture as a PNG with nothing in it but its pixels.

        Raises:
            IndexError: There is none of that number.
            RecordError: Its file is damaged.
        """
        if number < 0:
            raise IndexError(number)
        png = self._store.read_png(self._pictures[number].picture)
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(png)) as opened:
            Image.fromarray(_pixels(opened)).save(buffer, "PNG")
        return buffer.getvalue()

    def rate(self, data: Any) -> None:
        """Keep what a rater said.

        Raises:
            SettingError: Something in it is wrong.
            OutputError: It cannot be kept.
        """
        if not isinstance(data, dict) or not isinstance(data.get("rater"), str):
            raise SettingError("expected rater, id, value and seconds")
        value, number, seconds = data.get("value"), data.get("id"), data.get("seconds")
        if isinstance(value, bool) or value not in LEVELS:
            raise SettingError(f"the value is {value!r}: expected 1 to 5")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self._pictures):
            raise SettingError("there is no such picture: load the page again")
        shown, rater = self._pictures[number], check_rater(data["rater"])
        with self._turn:
            self._store.add_rating(Rating(rater, *self._key(shown), int(value), _time(seconds)))
            self._said.setdefault(rater, {})[self._key(shown)] = int(value)

    @staticmethod
    def _key(shown: Rateable) -> tuple[str, str, str]:
        return shown.suite, shown.prompt, shown.picture

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(_Handler):
            ours = server
            token = server._token

        return Handler


class _Handler(BaseHTTPRequestHandler):
    """One request; all that is wrong with it is answered, never raised."""

    ours: RatingServer
    token: str
    server_version = "tasvir"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the secret."""

    def _answer(self, handle: Callable[[str, dict[str, list[str]]], None]) -> None:
        split = urlsplit(self.path)
        _, token, *rest = split.path.split("/") if split.path.count("/") else ["", ""]
        host = self.headers.get("Host", "").rpartition(":")
        named = host[0] if host[0] and host[2].isdigit() else self.headers.get("Host", "")
        if named not in HOSTS:
            return self._send_text(HTTPStatus.FORBIDDEN, "this page is for this machine alone")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return self._send_text(HTTPStatus.NOT_FOUND, "open the address that `tasvir rate` has printed")
        try:
            handle("/".join(rest), parse_qs(split.query))
        except (SettingError, ValueError, IndexError) as problem:
            self._send_text(HTTPStatus.BAD_REQUEST, str(problem))
        except (RecordError, OutputError, TasvirError) as problem:
            self._send_text(HTTPStatus.INTERNAL_SERVER_ERROR, str(problem))
        return None

    def _get(self, path: str, query: dict[str, list[str]]) -> None:
        if path == "":
            page, nonce = self.ours.page()
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", page.encode(), nonce)
        elif path == "items":
            told = self.ours.items(query.get("rater", [""])[0])
            self._send(HTTPStatus.OK, "application/json", json.dumps(told).encode())
        elif path.startswith("picture/"):
            self._send(HTTPStatus.OK, "image/png", self.ours.picture(int(path.removeprefix("picture/"))))
        else:
            self._send_text(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _post(self, path: str, _: dict[str, list[str]]) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= LONGEST_BODY:
            self.close_connection = True
            raise ValueError("expected a short rating in JSON")
        body = self.rfile.read(length)
        if path != "rate" or self.headers.get("Content-Type") != "application/json":
            raise ValueError("expected a rating in JSON")
        self.ours.rate(json.loads(body))
        self._send(HTTPStatus.OK, "application/json", b"{}")

    def _send_text(self, status: HTTPStatus, text: str) -> None:
        self._send(status, "text/plain; charset=utf-8", text.encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes, nonce: str = "") -> None:
        own = f"'nonce-{nonce}'" if nonce else "'none'"
        policy = (
            "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
            f"style-src {own}; script-src {own}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _time(seconds: Any) -> float | None:
    """As the page has measured it; None for what cannot be a time of looking."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_LOOK:
        return None
    return float(seconds)


def _pixels(image: Image.Image) -> Any:
    import numpy as np

    return np.asarray(image.convert("RGB"))
