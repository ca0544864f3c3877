"""The page of `tasvir rate` over real HTTP: blind, kept at once, and closed to everybody else."""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tasvir.app.rating.server import RatingServer
from tasvir.bench.rating import Rateable
from tasvir.bench.store import RunStore
from tasvir.errors import OutputError

TEXTS = ("a red ball", "a <script>alert(1)</script> dog", 'two cats & a "car"')


class Client:
    """A browser of few words."""

    def __init__(self, server: RatingServer) -> None:
        self.url = urlsplit(server.address)

    def ask(
        self,
        path: str = "",
        data: Any = None,
        *,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port or 0, timeout=10)
        told = {"Content-Type": "application/json"} if data is not None else {}
        body = data if isinstance(data, bytes) else None if data is None else json.dumps(data).encode()
        base = self.url.path if token is None else f"/{token}/"
        connection.request(
            "POST" if data is not None else "GET", base + path, body, {**told, **(headers or {})}
        )
        reply = connection.getresponse()
        found = reply.status, dict(reply.getheaders()), reply.read()
        connection.close()
        return found

    def items(self, rater: str) -> list[dict[str, Any]]:
        status, _, body = self.ask(f"items?rater={quote(rater)}")
        assert status == 200, body
        items: list[dict[str, Any]] = json.loads(body)["items"]
        return items


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(tmp_path / "run") as opened:
        yield opened


@pytest.fixture
def pictures(store: RunStore) -> list[Rateable]:
    found = []
    for number, text in enumerate(TEXTS):
        buffer, info = io.BytesIO(), PngImagePlugin.PngInfo()
        info.add_text("model", "guided")
        Image.new("RGB", (8, 8), (50 * number, 100, 100)).save(buffer, "PNG", pnginfo=info)
        sha256 = store.add_picture(f"key{number}", buffer.getvalue())
        found.append(Rateable("own", f"p{number}", text, sha256))
    return found


@pytest.fixture
def served(store: RunStore, pictures: list[Rateable]) -> Iterator[Client]:
    server = RatingServer(store, list(pictures), ())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Client(server)
    server.close()
    thread.join(5)


def ratings(store: RunStore) -> list[tuple[Any, ...]]:
    return store._select("SELECT rater, prompt, picture, value, seconds FROM ratings ORDER BY made")


def test_an_answer_is_kept_at_once_under_its_own_picture(
    served: Client, store: RunStore, pictures: list[Rateable]
) -> None:
    items = served.items("Ada")
    assert sorted(item["text"] for item in items) == sorted(TEXTS)
    item = next(item for item in items if item["text"] == TEXTS[1])
    body = {"rater": " Ada ", "id": item["id"], "value": 4, "seconds": 2.25}
    assert served.ask("rate", body)[0] == 200
    assert ratings(store) == [("Ada", "p1", pictures[1].picture, 4, 2.25)]
    assert [one["value"] for one in served.items("Ada") if one["text"] == TEXTS[1]] == [4]
    assert all(one["value"] is None for one in served.items("Bo"))
    served.ask("rate", {**body, "value": 2, "seconds": 1e9})
    assert ratings(store)[-1][3:] == (2, None)  # a change of mind; nobody looks for thirty years
    assert [one["value"] for one in served.items("Ada") if one["text"] == TEXTS[1]] == [2]


def test_who_comes_back_finds_their_order_and_their_answers(
    served: Client, store: RunStore, pictures: list[Rateable]
) -> None:
    from tasvir.results import Rating

    before = [item["text"] for item in served.items("Ada")]
    kept = Rating("Ada", "own", "p2", pictures[2].picture, 3, None)
    server = RatingServer(store, list(reversed(pictures)), (kept,))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    items = Client(server).items("Ada")
    server.close()
    assert [item["text"] for item in items] == before
    assert [item["value"] for item in items if item["text"] == TEXTS[2]] == [3]


def test_nothing_tells_who_drew_a_picture(served: Client, pictures: list[Rateable]) -> None:
    items = served.items("Ada")
    assert all(set(item) == {"id", "text", "value"} for item in items)
    for item in items:
        status, headers, png = served.ask(f"picture/{item['id']}")
        assert (
            status == 200
            and headers["Content-Type"] == "image/png"
            and headers["Cache-Control"] == "no-store"
        )
        with Image.open(io.BytesIO(png)) as opened:
            assert opened.info == {}  # what the file said of its model is gone
            number = TEXTS.index(item["text"])
            assert (np.asarray(opened) == (50 * number, 100, 100)).all()


def test_only_this_page_on_this_machine_is_answered(served: Client, store: RunStore) -> None:
    body = {"rater": "Eve", "id": 0, "value": 5}
    for headers in (
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
    ):
        for path, data in (("", None), ("items?rater=Ada", None), ("rate", body)):
            assert served.ask(path, data, headers=headers)[0] == 403
    assert served.ask("", token="guess")[0] == 404
    assert served.ask("rate", body, token="guess")[0] == 404
    assert served.ask("rate", body, headers={"Content-Type": "text/plain"})[0] == 400  # what forms can send
    assert ratings(store) == []
    assert served.ask("", headers={"Host": "localhost:8080"})[0] == 200  # through a tunnel


def test_the_page_runs_its_own_script_alone(served: Client) -> None:
    _, headers, body = served.ask()
    page, policy = body.decode(), headers["Content-Security-Policy"]
    nonce = page.split('<script nonce="')[1].split('"')[0]
    assert f"script-src 'nonce-{nonce}'" in policy and "default-src 'none'" in policy
    assert "alert(1)" not in page  # texts come as data, and are put in as text
    assert "innerHTML" not in page and headers["Referrer-Policy"] == "no-referrer"


def test_a_rater_s_name_cannot_break_out_of_the_page(store: RunStore, pictures: list[Rateable]) -> None:
    server = RatingServer(store, pictures, (), rater="</script><b>")
    page, _ = server.page()
    server._server.server_close()
    assert "</script><b>" not in page and "\\u003c/script\\u003e" in page


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        [],
        {},
        {"rater": "Ada", "id": 0, "value": 6},
        {"rater": "Ada", "id": 0, "value": True},
        {"rater": "Ada", "id": 0, "value": 4.5},
        {"rater": "Ada", "id": 3, "value": 4},
        {"rater": "Ada", "id": -1, "value": 4},
        {"rater": "Ada", "id": "0", "value": 4},
        {"rater": "", "id": 0, "value": 4},
        {"rater": "Ada", "id": 0, "value": [4]},
        b"x" * 5000,
    ],
)
def test_what_is_no_rating_is_refused_and_nothing_is_kept(served: Client, store: RunStore, data: Any) -> None:
    status, _, body = served.ask("rate", data)
    assert status == 400 and body and b"Traceback" not in body
    assert ratings(store) == []


def test_a_picture_that_is_not_there_is_no_crash(served: Client) -> None:
    assert served.ask("picture/99")[0] == served.ask("picture/-1")[0] == served.ask("picture/x")[0] == 400
    assert served.ask("other")[0] == 404


def test_a_taken_port_is_said(store: RunStore, pictures: list[Rateable], served: Client) -> None:
    with pytest.raises(OutputError, match="--port"):
        RatingServer(store, pictures, (), port=served.url.port or 0)
